from __future__ import annotations

import random

import numpy as np
import torch

from ckd_mm.random_state import preserved_random_state


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), torch.rand(()).item()


def test_what_is_drawn_inside_does_not_change_what_comes_after() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    expected = draws()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    with preserved_random_state():
        draws()
    for got, wanted in zip(draws(), expected, strict=True):
        assert got == wanted
