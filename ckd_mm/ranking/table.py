"""The table of a ranking, and the table of how far its order was right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from ckd_mm.compare.pieces import NOT_THERE, markdown
from ckd_mm.functional import kendall, spearman

__all__ = ['Column', 'Scores', 'correlations', 'ordered']


@dataclass(frozen=True)
class Column:
    """A column of scores.

    Attributes:
        name: Its heading, and the key of its values.
        form: How a value is shown.
        unit: What a value is divided by before.
    """

    name: str
    form: str
    unit: float = 1.0

    def cell(self, value: float | None) -> str:
        """A value, or that there is none."""
        return NOT_THERE if value is None else self.form.format(value / self.unit)


@dataclass(frozen=True)
class Scores:
    """The scores of all models.

    Attributes:
        columns: The columns in their order.
        rows: The values by model and column; a model may lack some.
        by: The column by which the models are ordered, the highest first.
    """

    columns: Sequence[Column]
    rows: Mapping[str, Mapping[str, float]]
    by: str


def ordered(scores: Scores, trained: Mapping[str, float] | None = None) -> str:
    """The table in Markdown, the best model first.

    Args:
        scores: The scores of all models.
        trained: What each gave after training, for a column at the end.
    """
    names = sorted(scores.rows, key=lambda name: -scores.rows[name][scores.by])
    headings = ['model', *(column.name for column in scores.columns)]
    rows = [
        [
            name,
            *(
                column.cell(scores.rows[name].get(column.name))
                for column in scores.columns
            ),
        ]
        for name in names
    ]
    if trained is not None:
        headings.append('trained')
        rows = [[*row, f'{trained[row[0]]:.4g}'] for row in rows]
    return markdown([headings, *rows])


def correlations(scores: Scores, trained: Mapping[str, float]) -> str:
    """How far each column orders the models as training did, in Markdown.

    Args:
        scores: The scores of all models.
        trained: What each gave after training.
    """
    names = list(scores.rows)
    after = torch.tensor([trained[name] for name in names], dtype=torch.float64)
    lines = [['column', "Spearman's rho", "Kendall's tau"]]
    for column in scores.columns:
        values = [scores.rows[name].get(column.name) for name in names]
        cells = [NOT_THERE, NOT_THERE]
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            before = torch.tensor(known, dtype=torch.float64)
            cells = [f'{f(before, after):.2f}' for f in (spearman, kendall)]
        lines.append([column.name, *cells])
    return markdown(lines)
