"""`docs/coverage.md`: all papers of both lists, and all losses of the package.

That each of its links leads to a file is tested in `test_links.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from ckd_mm.registry import LOSSES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / 'docs' / 'coverage.md').read_text(encoding='utf-8')
STATES = {'yes', 'in part', 'no', 'other task', 'no method'}
ROWS = [
    [cell.strip() for cell in line.strip('|').split('|')]
    for line in PAGE.splitlines()
    if line.count('|') == 5 and not line.startswith(('| list |', '|---'))
]


@pytest.mark.parametrize(('letter', 'number'), [('A', 76), ('R', 90)])
def test_each_paper_of_a_list_has_one_row(letter: str, number: int) -> None:
    found = Counter(
        entry for row in ROWS for entry in re.findall(rf'\b{letter}\d+\b', row[0])
    )
    assert found == Counter(f'{letter}{index}' for index in range(1, number + 1))


def test_each_row_has_a_state_that_the_page_explains() -> None:
    assert {row[2] for row in ROWS} == STATES
    assert all(f'\n| {state} | ' in PAGE for state in STATES)


def test_each_row_says_where_or_why_not() -> None:
    wrong = [
        row[1]
        for row in ROWS
        if not row[3] or (row[2] == 'yes' and '](' not in row[3] and '`' not in row[3])
    ]
    assert not wrong


@pytest.mark.parametrize(
    'name',
    sorted(
        name
        for name, cls in LOSSES.module_dict.items()
        if cls.__module__.startswith('ckd_mm.')
    ),
)
def test_every_loss_is_in_a_row(name: str) -> None:
    """A new loss is a method of the field: its paper gets a row, or another state."""
    assert any(f'[{name}](methods/' in row[3] for row in ROWS)


def test_no_row_without_the_method_names_a_loss_as_if_it_were_it() -> None:
    """A paper whose loss is added leaves the state "no"."""
    cards = {name.removesuffix('Loss').lower() for name in LOSSES.module_dict}
    stale = [row[1] for row in ROWS if row[2] == 'no' and _short(row[1]) in cards]
    assert not stale


def _short(paper: str) -> str:
    return re.split(r'[ ,(]', paper)[0].replace('-', '').lower()
