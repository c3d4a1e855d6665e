"""What each loss adds to a step, for its card and for the page on speed.

The figures are those of `benchmarks/results/map_cost.md`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from maintenance.pages import ROOT, with_part
from maintenance.tables import rows

__all__ = ['OF_MAPS', 'texts']

FILE = 'map_cost'
PART = 'cost'
OF_MAPS = (
    'FPN, strides 4 to 64',
    'FPN, strides 8 to 128',
    'RoI features',
    'last map',
    'class activation maps',
    'map of stage 1 and logits',
)
"""The inputs that are maps, the first one of a loss for the page on speed."""
FIGURES = ('float32, MiB', 'AMP, MiB', 'float32, launches', 'AMP, launches')
Row = Mapping[str, str]


def texts(pages: Mapping[Path, str]) -> dict[Path, str]:
    """The cards and the page on speed, as they should be.

    Args:
        pages: Pages of which other parts were written already.
    """
    by_loss: dict[str, list[Row]] = {}
    for row in rows(FILE, 'loss'):
        by_loss.setdefault(row['loss'], []).append(row)
    parts = {
        ROOT / f'docs/methods/{name.removesuffix("Loss").lower()}.md': _of_card(found)
        for name, found in by_loss.items()
    }
    parts[ROOT / 'docs/speed.md'] = _of_maps(by_loss)
    return {
        page: with_part(pages.get(page) or page.read_text('utf-8'), PART, part)
        for page, part in parts.items()
    }


def _of_card(found: list[Row]) -> str:
    """A table of the cases in which a loss was measured, and what they are."""
    said = {row['of'].split(',')[0]: _says(row['of']) for row in found}
    sizes = (f'{of[0].upper()}{of[1:]}: {says}.' for of, says in said.items())
    links = (
        'Forward and backward of the loss: '
        f'[{FILE}](../../benchmarks/results/{FILE}.md), '
        '[what counts](../speed.md#memory-and-launches-of-the-losses).'
    )
    note = textwrap.wrap(' '.join([links, *sizes]), 120, break_on_hyphens=False)
    lines = _table('of', ((row['of'], row) for row in found))
    return '\n'.join([*lines, '', *note])


def _of_maps(by_loss: Mapping[str, list[Row]]) -> str:
    """A row for each loss on maps, of the first of its cases."""
    first = (found[0] for found in by_loss.values() if found[0]['of'] in OF_MAPS)
    named = ((f'`{row["loss"]}` | {row["of"]}', row) for row in first)
    return '\n'.join(_table('loss | of', named))


def _table(head: str, named: Iterable[tuple[str, Row]]) -> list[str]:
    width = head.count('|') + 1 + len(FIGURES)
    return [
        f'| {head} | {" | ".join(FIGURES)} |',
        '|---' * width + '|',
        *(
            f'| {name} | {" | ".join(row[figure] for figure in FIGURES)} |'
            for name, row in named
        ),
    ]


def _says(of: str) -> str:
    """What an input is, from the head of the file."""
    text = (ROOT / f'benchmarks/results/{FILE}.md').read_text('utf-8')
    found = re.search(rf'^- {re.escape(of)}: (.+)\.$', text, re.M | re.I)
    assert found, f'benchmarks/results/{FILE}.md does not say what {of} is'
    return found[1]
