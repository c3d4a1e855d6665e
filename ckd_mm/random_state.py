"""Draw random numbers without changing the random states of the training run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ['own_random_state', 'preserved_random_state', 'seeded_random_state']


@contextmanager
def preserved_random_state() -> Iterator[None]:
    """Restore the states of Python, NumPy and PyTorch on leaving.

    Of several GPUs, it is the state of this process's own, as each rank draws on one.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    gpus = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=gpus):
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


@contextmanager
def seeded_random_state(*numbers: int) -> Iterator[None]:
    """Seed the random numbers with these numbers alone; restore the states on leaving.

    This is for code on the CPU. The generators of GPUs are neither seeded nor read,
    because a worker process of a data loader cannot read them.

    Args:
        numbers: Integers >= 0.
    """
    seeds = np.random.SeedSequence(numbers).generate_state(3)
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            random.seed(int(seeds[0]))
            np.random.seed(int(seeds[1]))
            torch.default_generator.manual_seed(int(seeds[2]))
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


@contextmanager
def own_random_state(*numbers: int) -> Iterator[None]:
    """The same with this process's own GPU. Nothing waits for it.

    Args:
        numbers: Integers >= 0.
    """
    with preserved_random_state(), seeded_random_state(*numbers):
        if torch.cuda.is_available():
            torch.cuda.manual_seed(torch.initial_seed())
        yield
