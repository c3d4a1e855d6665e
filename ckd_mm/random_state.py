"""Do something that draws random numbers without the training run noticing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ['preserved_random_state']


@contextmanager
def preserved_random_state() -> Iterator[None]:
    """Restore the states of Python, NumPy and PyTorch (all devices) on leaving."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)
