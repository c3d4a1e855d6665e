"""Parts in turn, many rounds, and the spread of what they took."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch

from .setting import Batch, Sample

__all__ = ['Part', 'Seconds', 'interleaved', 'now', 'ratios', 'spread']

Seconds = dict[str, list[float]]


@dataclass(frozen=True)
class Part:
    """Something to time.

    Args:
        run: Gets a batch of its own, and the sample that it is a copy of.
        prepared: What is open while it runs, not timed.
    """

    run: Callable[[Batch, Sample], Any]
    prepared: Callable[[], AbstractContextManager[Any]] = nullcontext

    def __call__(self, sample: Sample) -> float:
        """Seconds of one run."""
        batch = deepcopy(sample.batch)
        with self.prepared():
            start = now()
            self.run(batch, sample)
            return now() - start


def interleaved(
    parts: Mapping[str, Part], samples: Sequence[Sample], rounds: int, warmup: int
) -> Seconds:
    """Seconds of all parts in each round, on the same batch.

    Each round starts with another part, so that none is always first.
    """
    seconds: Seconds = {name: [] for name in parts}
    names = list(parts)
    for number in range(warmup + rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(parts[name](samples[number % len(samples)]))
    return {name: values[warmup:] for name, values in seconds.items()}


def now() -> float:
    """Seconds, once the GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def ratios(values: Sequence[float], *bases: Sequence[float]) -> list[float]:
    """Round by round, a value divided by the sum of the bases; NaN if that is 0."""
    columns = zip(values, *bases, strict=True)
    return [
        value / sum(others) if any(others) else math.nan for value, *others in columns
    ]


def spread(values: Sequence[float], digits: int = 3) -> str:
    """The median, with the lower and upper quartile."""
    if len(values) < 2:
        return f'{values[0]:.{digits}f}'
    low, middle, high = statistics.quantiles(values, n=4, method='inclusive')
    return f'{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})'
