"""benchmarks/step_time.py at COCO's size, by section; the answer is its ratios."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from device.first_hour.answers.calls import python
from device.first_hour.places import Run

__all__ = ['memory', 'options', 'overhead', 'ratios', 'steps', 'stream']

BOTH = ('(c) / ((a) + (b))', '(c) / (d)')


def steps(run: Run, precision: str) -> str:
    """CKD, KD and ReviewKD, in one precision."""
    terms = ('CKD',) if run.dry else ('CKD', 'KD', 'ReviewKD')
    name = f'step_time_{precision}'
    return _measured(run, name, 'steps', terms, BOTH, '--precisions', precision)


def memory(run: Run) -> str:
    """The peaks."""
    terms = ('CKD',) if run.dry else ('CKD', 'ReviewKD')
    return _measured(run, 'step_memory', 'memory', terms, BOTH)


def stream(run: Run) -> str:
    """The teacher on a stream of its own."""
    return _measured(run, 'step_stream', 'stream', ('CKD',), ('ratio to CKD',))


def options(run: Run) -> str:
    """The teacher's forward with each option."""
    columns = ('ratio to plain', 'largest relative change')
    return _measured(run, 'step_options', 'options', ('CKD',), columns)


def overhead(run: Run) -> str:
    """The parts of a step."""
    columns = ('share of the step',)
    return _measured(run, 'step_overhead', 'overhead', ('CKD',), columns)


def ratios(report: str, columns: Sequence[str]) -> str:
    """By heading of a precision and by row, the cells of these columns."""
    said = []
    for part in re.split(r'^## ', report, flags=re.MULTILINE)[1:]:
        title = part.splitlines()[0]
        rows = [_cells(line) for line in part.splitlines() if line.startswith('| ')]
        if rows:
            numbers = [rows[0].index(column) for column in columns]
            values = [
                f'{row[0]} ' + ' and '.join(filter(None, (row[i] for i in numbers)))
                for row in rows[1:]
            ]
            said.append(f'{title}: {", ".join(values)}')
    return '; '.join(said)


def _measured(
    run: Run,
    name: str,
    section: str,
    terms: Sequence[str],
    columns: Sequence[str],
    *more: str,
) -> str:
    """Run one section; its report stays in the folder of the run."""
    out: Path = run.work / f'{name}.md'
    size = ('small', '2', '1') if run.dry else ('coco', '15', '3')
    command = ['benchmarks/step_time.py', '--out', str(out)]
    command += ['--size', size[0], '--rounds', size[1], '--warmup', size[2], *more]
    command += ['--sections', section, '--terms', *terms]
    python(command)
    return ratios(out.read_text(), columns)


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip('|').split('|')]
