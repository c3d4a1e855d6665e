"""Times cases in turn, in many rounds, and the spread of their times."""

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

__all__ = ['Case', 'Seconds', 'interleaved', 'now', 'ratios', 'spread']

Seconds = dict[str, list[float]]


@dataclass(frozen=True)
class Case:
    """Something to time.

    Args:
        run: Gets a batch that it may change, and the sample that it is a copy of.
        prepared: A context that is open while it runs, and not timed.
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
    cases: Mapping[str, Case], samples: Sequence[Sample], rounds: int, warmup: int
) -> Seconds:
    """Seconds of all cases in each round, on the same batch.

    Each round starts with another case, so that none is always first.
    """
    seconds: Seconds = {name: [] for name in cases}
    names = list(cases)
    for number in range(warmup + rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(cases[name](samples[number % len(samples)]))
    return {name: values[warmup:] for name, values in seconds.items()}


def now() -> float:
    """Seconds, once the GPU has finished its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def ratios(values: Sequence[float], *bases: Sequence[float]) -> list[float]:
    """Round by round, a value divided by the sum of the bases; NaN if that is 0."""
    columns = zip(values, *bases, strict=True)
    return [value / sum(base) if any(base) else math.nan for value, *base in columns]


def spread(values: Sequence[float], digits: int = 3) -> str:
    """The median, with the lower and upper quartile; nothing for a NaN."""
    if any(map(math.isnan, values)):
        return ''
    if len(values) < 2:
        return f'{values[0]:.{digits}f}'
    low, middle, high = statistics.quantiles(values, n=4, method='inclusive')
    return f'{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})'
