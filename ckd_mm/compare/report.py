"""The Markdown report of a comparison: the table, and notes on how to read it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from ckd_mm.compare.comparison import ALONE, Comparison
from ckd_mm.compare.intervals import difference
from ckd_mm.compare.pieces import (
    NOT_THERE,
    costs,
    digits_of,
    environment,
    markdown,
    mean,
    run_notes,
    seed_cells,
    seed_notes,
    values_by_seed,
)
from ckd_mm.compare.ranges import range_lines
from ckd_mm.compare.runs import Run

__all__ = ['cells', 'notes', 'report']


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
        '\n'.join(f'- {note}' for note in environment(runs, command, at_a_time)),
    ]
    return '\n\n'.join(sections) + '\n'


def table(comparison: Comparison, runs: Sequence[Run]) -> str:
    """One row for each method, the student alone first, in Markdown."""
    return markdown(cells(comparison, runs))


def cells(comparison: Comparison, runs: Sequence[Run]) -> list[list[str]]:
    """The cells of the table, the headings first."""
    values = values_by_seed(comparison, runs)
    digits = digits_of(values)
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
                *seed_cells(by_seed, comparison.seeds, digits),
                *(mean(column[method], digits) for column in more),
                '' if method == alone else found.text(digits) if found else NOT_THERE,
                *costs([run.result for run in runs if run.method == method]),
            ]
        )
    return rows


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
        tables.append('\n'.join(range_lines(values, groups, digits_of(values))))
    return tables


def notes(
    comparison: Comparison, runs: Sequence[Run], failures: Mapping[str, str]
) -> list[str]:
    """Notes on how to read the numbers."""
    found = seed_notes(comparison, 'the student alone', 'methods')
    if comparison.groups:
        found.append(
            'Best less worst: of each seed, and the mean over the seeds with its 95 % '
            'confidence interval. It is above 0 by chance alone: three runs of one '
            'setting differ as well.'
        )
    found.extend(_trainings_before(runs))
    for method, keys in comparison.departures().items():
        found.append(f'{method} differs from the base in {", ".join(keys)} as well.')
    return [*found, *run_notes(runs, failures)]


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
