"""What the reports of comparisons and of chains share: cells of tables, and notes."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ckd_mm.commands.environment import machine, versions
from ckd_mm.compare.intervals import spread
from ckd_mm.compare.runs import Run

__all__ = [
    'NOT_THERE',
    'Trained',
    'costs',
    'digits_of',
    'environment',
    'markdown',
    'mean',
    'number',
    'run_notes',
    'seed_cells',
    'seed_notes',
    'values_by_seed',
]

NOT_THERE = '-'


class Trained(Protocol):
    """What is trained with several seeds: a comparison, or a chain."""

    @property
    def source(self) -> Path:
        """The file it was read from."""

    @property
    def metric(self) -> str:
        """Key of a validation metric."""

    @property
    def more_metrics(self) -> Sequence[str]:
        """What is shown beside the metric."""

    @property
    def seeds(self) -> list[int]:
        """The seeds of every student."""

    @property
    def students(self) -> Mapping[str, Any]:
        """The students by name, in the order of the table."""


def values_by_seed(
    trained: Trained, runs: Sequence[Run], metric: str | None = None
) -> dict[str, dict[int, float]]:
    """A metric of the finished runs, by student and seed; the main one if None."""
    metric = metric or trained.metric
    values: dict[str, dict[int, float]] = {name: {} for name in trained.students}
    for run in runs:
        if run.result is None or run.is_first:
            continue
        if run.seed is not None:
            values[run.method][run.seed] = run.result['metrics'][metric]
    return values


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table, the headings first."""
    headings, *others = rows
    lines = [headings, ['---'] * len(headings), *others]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def seed_cells(
    by_seed: Mapping[int, float], seeds: Sequence[int], digits: int
) -> list[str]:
    """The value of each seed, their mean and their spread."""
    values = list(by_seed.values())
    return [
        ' / '.join(number(by_seed.get(seed), digits) for seed in seeds),
        number(statistics.mean(values) if values else None, digits),
        number(spread(values), digits),
    ]


def costs(results: Sequence[dict[str, Any] | None]) -> list[str]:
    """The cells for time and memory."""
    finished = [result for result in results if result]
    seconds = [result['seconds'] for result in finished if result['seconds']]
    peaks = [result['bytes'] for result in finished]
    return [
        f'{statistics.mean(seconds):.3g} s' if seconds else NOT_THERE,
        f'{max(peaks) / 2**20:.0f} MiB' if peaks else NOT_THERE,
    ]


def mean(by_seed: Mapping[int, float], digits: int) -> str:
    """The mean, with its spread if there are several seeds."""
    values = list(by_seed.values())
    if not values:
        return NOT_THERE
    deviation = spread(values)
    end = '' if deviation is None else f' ({deviation:.{digits}f})'
    return f'{statistics.mean(values):.{digits}f}{end}'


def number(value: float | None, digits: int) -> str:
    """A number, or that there is none."""
    return NOT_THERE if value is None else f'{value:.{digits}f}'


def digits_of(values: Mapping[str, Mapping[int, float]]) -> int:
    """Digits behind the point; COCO's metrics are fractions."""
    every = [value for by_seed in values.values() for value in by_seed.values()]
    return 3 if all(abs(value) <= 1 for value in every) else 2


def seed_notes(trained: Trained, baseline: str, of_what: str) -> list[str]:
    """How the values are made: of the last weights, over the seeds.

    Args:
        trained: What was trained.
        baseline: What the differences are to; empty if the table has none.
        of_what: What the rows are, such as `methods`.
    """
    found = [
        f'{trained.metric} of the last weights; nothing is chosen by validation '
        'results.'
    ]
    if len(trained.seeds) == 1:
        found.append(
            'One seed: there is no spread and no interval, and a difference may be '
            'chance.'
        )
        return found
    text = (
        f'Seeds {", ".join(map(str, trained.seeds))}. Spread: standard deviation over '
        'the seeds.'
    )
    if baseline:
        text += (
            ' Difference: mean over the seeds of the difference to '
            f'{baseline} with the same seed, with its 95 % confidence interval '
            "(Student's t). It is not corrected for the number of "
            f'{of_what}: on average one interval in 20 misses the true difference.'
        )
    return [*found, text]


def run_notes(runs: Sequence[Run], failures: Mapping[str, str]) -> list[str]:
    """Which runs were resumed, are not finished, or have failed."""
    found = []
    resumed = [run.title for run in runs if run.result and run.result['resumed']]
    if resumed:
        found.append(
            f'Interrupted and resumed from a checkpoint: {"; ".join(resumed)}. '
            'MMEngine stores no random state, so these differ from an uninterrupted '
            'run as another seed would.'
        )
    lacking = [run.title for run in runs if run.result is None]
    if lacking:
        found.append(f'Not finished: {"; ".join(lacking)}.')
    found.extend(
        f'{title} failed: {text.splitlines()[-1]}' for title, text in failures.items()
    )
    return found


def environment(runs: Sequence[Run], command: str, at_a_time: int) -> list[str]:
    """Command, commit and machine, to repeat the runs."""
    commits = {run.result['commit'] for run in runs if run.result}
    return [
        'Time: median over the iterations, data loading included, mean over the seeds; '
        f'up to {at_a_time} at a time. Memory: the largest of the runs, on the GPU as '
        'PyTorch allocated it, on the CPU of the whole process.',
        f'Command: `{command}`',
        f'Commit: {", ".join(sorted(commits)) or NOT_THERE}',
        f'Machine: {machine()}',
        versions(),
    ]
