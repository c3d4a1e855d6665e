"""Run a module of the student once more, so that nothing of a stock run changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

__all__ = ['without_traces']


@contextmanager
def without_traces(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Run a module as in training, so that nothing of a stock run changes.

    Normalisation by the batch leaves its running statistics, and dropout the random
    numbers, as they were.
    """
    tracking: list[Any] = [
        part
        for part in module.modules()
        if part.training and getattr(part, 'track_running_stats', False)
    ]
    devices = [device] if device.type == 'cuda' else []
    try:
        for part in tracking:
            part.track_running_stats = False
        with torch.random.fork_rng(devices):
            yield
    finally:
        for part in tracking:
            part.track_running_stats = True
