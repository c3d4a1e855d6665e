"""The Markdown report of a comparison: the table, and notes on how to read it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from ckd_mm.commands.environment import machine, versions
from ckd_mm.compare.comparison import ALONE, Comparison
from ckd_mm.compare.intervals import difference, spread
from ckd_mm.compare.ranges import range_lines
from ckd_mm.compare.runs import Run

__all__ = ['cells', 'notes', 'report', 'values_by_seed']

NOT_THERE = '-'


def report(
    comparison: Comparison,
    runs: Sequence[Run],
    command: str,
    picture: str,
    failures: Mapping[str, str],
    at_a_time: int,
) -> str:
    """The whole report.

    Args:
        comparison: What is compared.
        runs: All its runs, finished or not.
        command: The command that repeats it.
        picture: Name of the plot, beside the report.
        failures: What went wrong, by the title of the run.
        at_a_time: How many runs shared the machine.
    """
    sections = [
        f'# Comparison: {comparison.source.stem}',
        table(comparison, runs),
        *_range_tables(comparison, runs),
        f'![Differences to the student alone]({picture})',
        '\n'.join(f'- {note}' for note in notes(comparison, runs, failures)),
        '\n'.join(
            f'- {note}' for note in _environment(comparison, runs, command, at_a_time)
        ),
    ]
    return '\n\n'.join(sections) + '\n'


def table(comparison: Comparison, runs: Sequence[Run]) -> str:
    """One row for each method, the student alone first, in Markdown."""
    headings, *rows = cells(comparison, runs)
    lines = [headings, ['---'] * len(headings), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def cells(comparison: Comparison, runs: Sequence[Run]) -> list[list[str]]:
    """The cells of the table, the headings first."""
    values = values_by_seed(comparison, runs)
    digits = _digits(values)
    rows = [
        [
            'method',
            f'{comparison.metric} by seed',
            'mean',
            'spread',
            *comparison.more_metrics,
            'difference to the student alone',
            'time per iteration',
            'peak memory',
        ]
    ]
    more = [values_by_seed(comparison, runs, key) for key in comparison.more_metrics]
    for method, by_seed in values.items():
        alone = comparison.baseline(method)
        found = difference(by_seed, values[alone])
        rows.append(
            [
                method,
                ' / '.join(
                    _number(by_seed.get(seed), digits) for seed in comparison.seeds
                ),
                _number(statistics.mean(by_seed.values()) if by_seed else None, digits),
                _number(spread(list(by_seed.values())), digits),
                *(_mean(column[method], digits) for column in more),
                '' if method == alone else found.text(digits) if found else NOT_THERE,
                *_costs([run.result for run in runs if run.method == method]),
            ]
        )
    return rows


def _digits(values: Mapping[str, Mapping[int, float]]) -> int:
    """Digits behind the point; COCO's metrics are fractions."""
    every = [value for by_seed in values.values() for value in by_seed.values()]
    return 3 if all(abs(value) <= 1 for value in every) else 2


def _range_tables(comparison: Comparison, runs: Sequence[Run]) -> list[str]:
    """For each student alone, how much its result depends on a choice."""
    values = values_by_seed(comparison, runs)
    tables = []
    for alone in (
        dict.fromkeys(map(comparison.baseline, values)) if comparison.groups else []
    ):
        prefix = alone.removesuffix(ALONE)
        groups = {
            prefix + name: [prefix + member for member in members]
            for name, members in comparison.groups.items()
        }
        tables.append('\n'.join(range_lines(values, groups, _digits(values))))
    return tables


def values_by_seed(
    comparison: Comparison, runs: Sequence[Run], metric: str | None = None
) -> dict[str, dict[int, float]]:
    """A metric of the finished runs, by method and seed; the comparison's if None."""
    metric = metric or comparison.metric
    values: dict[str, dict[int, float]] = {name: {} for name in comparison.students}
    for run in runs:
        if run.result is None or run.is_first:
            continue
        if run.seed is not None:
            values[run.method][run.seed] = run.result['metrics'][metric]
    return values


def notes(
    comparison: Comparison, runs: Sequence[Run], failures: Mapping[str, str]
) -> list[str]:
    """Notes on how to read the numbers."""
    found = [
        f'{comparison.metric} of the last weights; nothing is chosen by validation '
        'results.'
    ]
    if len(comparison.seeds) == 1:
        found.append(
            'One seed: there is no spread and no interval, and a difference may be '
            'chance.'
        )
    else:
        found.append(
            f'Seeds {", ".join(map(str, comparison.seeds))}. Spread: standard '
            'deviation over the seeds. Difference: mean over the seeds of the '
            'difference to the student alone with the same seed, with its 95 % '
            "confidence interval (Student's t). It is not corrected for the number of "
            'methods: on average one interval in 20 misses the true difference.'
        )
    if comparison.groups:
        found.append(
            'Best less worst: of each seed, and the mean over the seeds with its 95 % '
            'confidence interval. It is above 0 by chance alone: three runs of one '
            'setting differ as well.'
        )
    found.extend(_trainings_before(runs))
    for method, keys in comparison.departures().items():
        found.append(f'{method} differs from the base in {", ".join(keys)} as well.')
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


def _trainings_before(runs: Sequence[Run]) -> list[str]:
    """What the trainings cost that methods begin after."""
    found: dict[str, list[float]] = {}
    for run in runs:
        if run.is_first and run.result and run.result['seconds']:
            found.setdefault(run.method, []).append(run.result['seconds'])
    return [
        f'{method[0].upper()}{method[1:]}: {statistics.mean(seconds):.3g} s per '
        'iteration, beside what the table has.'
        for method, seconds in found.items()
    ]


def _environment(
    comparison: Comparison, runs: Sequence[Run], command: str, at_a_time: int
) -> list[str]:
    """Command, commit and machine, to repeat the comparison."""
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


def _costs(results: Sequence[dict[str, Any] | None]) -> list[str]:
    """The cells for time and memory."""
    finished = [result for result in results if result]
    seconds = [result['seconds'] for result in finished if result['seconds']]
    peaks = [result['bytes'] for result in finished]
    return [
        f'{statistics.mean(seconds):.3g} s' if seconds else NOT_THERE,
        f'{max(peaks) / 2**20:.0f} MiB' if peaks else NOT_THERE,
    ]


def _mean(by_seed: Mapping[int, float], digits: int) -> str:
    """The mean, with its spread if there are several seeds."""
    values = list(by_seed.values())
    if not values:
        return NOT_THERE
    deviation = spread(values)
    end = '' if deviation is None else f' ({deviation:.{digits}f})'
    return f'{statistics.mean(values):.{digits}f}{end}'


def _number(value: float | None, digits: int) -> str:
    return NOT_THERE if value is None else f'{value:.{digits}f}'
