"""The table of `tools/compatibility.py` as Markdown."""

from __future__ import annotations

import re
from typing import Any

from compatibility_configs import Choice

from ckd_mm.commands.environment import versions

__all__ = ['summary', 'table']

HEAD = """\
# Which families work

Written by `make compatibility` (`tools/compatibility.py`); do not edit.

- Commit: {commits}
- {versions}

Of each folder of MMDetection's and MMPretrain's configs one config was tried, and
more where it has several kinds of models. Each was student and teacher of itself, with
random weights and small random images: 128 x 160 for detectors, or what the family
needs, and 224 x 224 for classifiers. A part works where

- a training step gives a pair, and its gradient reaches the student and is finite;
- two steps with the default losses of all parts of the row are finite;
- the student's weights are then loaded into the stock model with `strict=True`.

How well a student learns from a part was not tried here.

- A language model (GLIP, Grounding DINO) was replaced by a random one of one layer.
- Two-stage detectors sampled at most 64 RoIs of an image.
- Batches were not brought to the size of a data set (Mask2Former, CrowdDet).
- What the parts are: [adapters.md](adapters.md). Numbers refer to the reasons below.
"""
TITLES = {'mmdet': 'MMDetection', 'mmpretrain': 'MMPretrain'}


def table(rows: list[tuple[Choice, dict[str, Any]]], commit: str) -> str:
    """The whole page.

    Args:
        rows: What was tried; a result names its commit if it is another one.
        commit: The present one.
    """
    lines = [HEAD.format(commits=_commits(rows, commit), versions=versions())]
    reasons: dict[str, int] = {}
    for library, title in TITLES.items():
        of_library = [pair for pair in rows if pair[0].library == library]
        if of_library:
            works = sum(bool(_works(result)) for _, result in of_library)
            lines += [
                f'## {title}\n',
                f'{works} of {len(of_library)} rows have parts that work.\n',
                '| family | config | model | works | not |',
                '|---|---|---|---|---|',
                *(_row(*pair, reasons) for pair in of_library),
                '',
            ]
    lines += ['## Reasons\n']
    lines += [f'{number}. {reason}' for reason, number in reasons.items()]
    return '\n'.join([*lines, ''])


def _commits(rows: list[tuple[Choice, dict[str, Any]]], commit: str) -> str:
    """The commit of most results, and the families of each other commit."""
    families: dict[str, list[str]] = {}
    for choice, result in rows:
        families.setdefault(result.get('commit', commit), []).append(choice.family)
    first, *rest = sorted(families, key=lambda one: -len(families[one]))
    named = [f'{one} for {", ".join(dict.fromkeys(families[one]))}' for one in rest]
    return '; '.join([first, *named])


def summary(choice: Choice, result: dict[str, Any]) -> str:
    """A few lines for the terminal."""
    lines = [f'{choice.name}: {", ".join(_works(result)) or "nothing"}']
    lines += [f'    not {names}: {text}' for text, names in _reasons(result).items()]
    return '\n'.join(lines)


def _row(choice: Choice, result: dict[str, Any], reasons: dict[str, int]) -> str:
    """One line of the table; new reasons are numbered."""
    for reason in _reasons(result):
        reasons.setdefault(reason, len(reasons) + 1)
    without = [
        f'{names} ({reasons[reason]})'.strip()
        for reason, names in _reasons(result).items()
    ]
    cells = (
        choice.family,
        choice.config.removesuffix('.py'),
        result['model'],
        ', '.join(f'`{name}`' for name in _works(result)) or 'nothing',
        ', '.join(without),
    )
    return f'| {" | ".join(cells)} |'


def _works(result: dict[str, Any]) -> list[str]:
    if result['reason']:
        return []
    return [name for name, reason in result['parts'].items() if not reason]


def _reasons(result: dict[str, Any]) -> dict[str, str]:
    """The parts that do not work, by reason; none for a reason of the whole config."""
    reasons = {_anywhere(result['reason']): ''} if result['reason'] else {}
    for name, reason in result['parts'].items():
        reason = _anywhere(reason)
        if reason:
            named = [reasons.get(reason), f'`{name}`']
            reasons[reason] = ', '.join(filter(None, named))
    return reasons


def _anywhere(reason: str) -> str:
    """A reason without the folder in which the libraries are installed here."""
    return re.sub(r'/\S*/site-packages/', '', reason)
