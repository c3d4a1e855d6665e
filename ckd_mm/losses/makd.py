"""MaKD's aspects from a table as a registered loss."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ckd_mm.checks import non_negative, one_of, positive_integer
from ckd_mm.functional import makd_loss
from ckd_mm.functional._inputs import check_embeddings, full_precision
from ckd_mm.functional._labels import label_weights
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._channels import check_channels
from ckd_mm.losses._indices import IndexCheck
from ckd_mm.losses._tables import Table, read_table
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['MaKDLoss']

ROWS = {'image': 'sample_index', 'class': 'target'}
"""What the rows of a table are of, and what says the row of an image."""


@LOSSES.register_module()
class MaKDLoss(nn.Module):
    """Answers to questions about each image, see :func:`ckd_mm.functional.makd_loss`.

    A linear layer on the student's embedding predicts the answers. It is trained along
    with the student and stays out of its checkpoint; the authors' student has as many
    more outputs of its last layer. The answers are in a table that a multimodal
    language model has filled before training. The teacher of the run is not asked.

    Args:
        student_channels: Width of the student's embeddings.
        table: The probabilities of "yes", a row for each image and a column for each
            question: a file of NumPy (`.npy`), or lists of numbers from 0 to 1. The
            rows are in the order of the training set.
        by: 'image', as the paper: the loss needs `sample_index`. 'class': the rows are
            of classes, and the loss needs `target`; a soft label mixes them.
        loss_weight: Multiplies the loss. The authors take 4. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range, or the table cannot be read.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import MaKDLoss
        >>> table = [[0.9, 0.1, 0.5], [0.2, 1.0, 0.4]]
        >>> loss = MaKDLoss(student_channels=8, table=table)
        >>> features = torch.randn(2, 8)
        >>> loss(features, features, sample_index=torch.tensor([1, 0])).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows'
    answers: Tensor

    def __init__(
        self,
        student_channels: int,
        table: Table,
        by: str = 'image',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        answers = torch.from_numpy(_read(table))
        self.register_buffer('answers', answers, persistent=False)
        self.by = one_of('by', by, list(ROWS))
        self.linear = nn.Linear(
            positive_integer('student_channels', student_channels), answers.shape[1]
        )
        self.loss_weight = non_negative('loss_weight', loss_weight)
        self._check = IndexCheck(
            ROWS[by], 'rows', len(answers), f'give the table one row for each {by}'
        )

    @property
    def also_needs(self) -> tuple[str, ...]:
        """What says the row of each image."""
        return (ROWS[self.by],)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        target: Tensor | None = None,
        sample_index: Tensor | None = None,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row.

        Args:
            student: Embeddings (B, D); gets the gradient, and so does the layer.
            teacher: Embeddings of the same rows, which are not looked at.
            target: Labels, with `by='class'`.
            sample_index: Numbers of the images, with `by='image'`.

        Raises:
            ValueError: The width is another one, or the table has no such row.
        """
        check_embeddings(student, teacher)
        check_channels('student', self.linear.in_features, student)
        rows = sample_index if self.by == 'image' else target
        assert rows is not None, 'the term asks for what `also_needs` names'
        if rows.ndim == 1:
            self._check(rows)
        with full_precision(student, self.answers) as (student_BD, answers_RQ):
            if rows.ndim == 1:
                answers_BQ = answers_RQ[rows]
            else:
                weights_BR = label_weights(rows, len(student), len(answers_RQ))
                answers_BQ = weights_BR.to(answers_RQ.dtype) @ answers_RQ
            logits_BQ = self.linear(student_BD)
        return self.loss_weight * makd_loss(logits_BQ, answers_BQ, reduction=reduction)


def _read(table: Any) -> np.ndarray:
    """The table as float32 (rows, questions).

    Raises:
        ValueError: It cannot be read, or has other numbers than probabilities.
    """
    found = read_table('table', table)
    if found is None or not ((found >= 0) & (found <= 1)).all():
        raise ValueError(
            'table must be rows of one or more probabilities from 0 to 1, got '
            f'{table!r}'
        )
    return found
