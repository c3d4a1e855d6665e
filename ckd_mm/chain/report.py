"""The Markdown report of a chain: one table, and notes on how to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ckd_mm.chain.links import Chain
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
from ckd_mm.compare.runs import Run
from ckd_mm.compare.students import hook_of

__all__ = ['chain_report']


def chain_report(
    chain: Chain,
    runs: Sequence[Run],
    command: str,
    failures: Mapping[str, str],
    at_a_time: int,
) -> str:
    """The whole report.

    Args:
        chain: What is trained.
        runs: All its runs, finished or not.
        command: The command that repeats it.
        failures: What went wrong, by the title of the run.
        at_a_time: How many runs shared the machine.
    """
    baseline = f'{chain.baseline!r}' if chain.baseline else ''
    notes = [
        *seed_notes(chain, baseline, 'links'),
        *_given(chain),
        *run_notes(runs, failures),
    ]
    sections = [
        f'# Chain: {chain.source.stem}',
        markdown(_rows(chain, runs)),
        '\n'.join(f'- {note}' for note in notes),
        '\n'.join(f'- {note}' for note in environment(runs, command, at_a_time)),
    ]
    return '\n\n'.join(sections) + '\n'


def _rows(chain: Chain, runs: Sequence[Run]) -> list[list[str]]:
    """The cells of the table, the headings first: one row for each link."""
    values = values_by_seed(chain, runs)
    more = [values_by_seed(chain, runs, key) for key in chain.more_metrics]
    digits = digits_of(values)
    rows = [_headings(chain)]
    for name, by_seed in values.items():
        rows.append(
            [
                name,
                _teachers(chain, name),
                *seed_cells(by_seed, chain.seeds, digits),
                *(mean(column[name], digits) for column in more),
                *_compared(chain, name, values, digits),
                *costs([run.result for run in runs if run.method == name]),
            ]
        )
    return rows


def _headings(chain: Chain) -> list[str]:
    return [
        'link',
        'teacher',
        f'{chain.metric} by seed',
        'mean',
        'spread',
        *chain.more_metrics,
        *([f'difference to {chain.baseline}'] if chain.baseline else []),
        'time per iteration',
        'peak memory',
    ]


def _teachers(chain: Chain, name: str) -> str:
    """The links that teach one, or that its teachers are others."""
    link = chain.links[name]
    if link.teachers:
        return ', '.join(link.teachers)
    return 'from outside' if hook_of(link.cfg) and not link.checkpoint else 'none'


def _compared(
    chain: Chain, name: str, values: Mapping[str, Mapping[int, float]], digits: int
) -> list[str]:
    """The cell of the difference to the baseline, if there is one."""
    if not chain.baseline:
        return []
    if name == chain.baseline:
        return ['']
    found = difference(values[name], values[chain.baseline])
    return [NOT_THERE if found is None else found.text(digits)]


def _given(chain: Chain) -> list[str]:
    return [
        f'{name} is not trained here: its weights are {link.checkpoint}.'
        for name, link in chain.links.items()
        if link.checkpoint is not None
    ]
