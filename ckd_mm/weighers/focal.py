"""Less for rows that the student has learnt."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean, non_negative
from ckd_mm.functional import focal_weight
from ckd_mm.functional._inputs import check_weighed
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import WEIGHERS

__all__ = ['FocalWeight']


@WEIGHERS.register_module()
class FocalWeight(nn.Module):
    """Less for rows that the student has learnt.

    See :func:`ckd_mm.functional.focal_weight`.

    Args:
        gamma: The power of 1 - p; 0 makes all weights 1.
        normalize: Whether all weights are divided by their mean.

    Raises:
        ValueError: An argument is out of its range.
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(self, gamma: float = 2.0, normalize: bool = False) -> None:
        super().__init__()
        self.gamma = non_negative('gamma', gamma)
        self.normalize = boolean('normalize', normalize)

    def forward(self, student: Tensor, teacher: Tensor, target: Tensor) -> Tensor:
        """The weights (B,) of rows of class logits."""
        check_weighed(student, teacher)
        return focal_weight(student, target, gamma=self.gamma)
