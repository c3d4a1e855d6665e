from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from ckd_mm.random_state import own_random_state, preserved_random_state


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


def test_random_numbers_of_ones_own_depend_on_the_numbers_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(()).item()
    torch.manual_seed(0)
    found = []
    for numbers in ((1, 2), (1, 3), (1, 2)):
        with own_random_state(*numbers):
            found.append(draws())
    assert found[0] == found[2]
    assert not {*found[0]} & {*found[1]}
    assert torch.rand(()).item() == expected


def test_of_many_gpus_only_the_one_of_this_process_is_read(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    read: list[int] = []
    set_again: list[int] = []
    for name, answer in (
        ('is_available', lambda: True),
        ('device_count', lambda: 8),
        ('current_device', lambda: 3),
        ('get_rng_state', lambda device: read.append(device)),
        ('set_rng_state', lambda _, device: set_again.append(device)),
    ):
        monkeypatch.setattr(torch.cuda, name, answer)
    with preserved_random_state():
        pass
    assert read == set_again == [3]
    assert not recwarn.list
