"""Rows of which the teacher is sure, and those on which it is right."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean, fraction, non_negative
from ckd_mm.functional import confidence_gate, correctness_gate
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import WEIGHERS

__all__ = ['ConfidenceGate', 'CorrectnessGate']


@WEIGHERS.register_module()
class ConfidenceGate(nn.Module):
    """Rows of which the teacher is sure, see :func:`ckd_mm.functional.confidence_gate`.

    Args:
        threshold: Of its largest probability, >= 0 and < 1.
        otherwise: The weight of the other rows; 0 leaves them out.
        normalize: Whether all weights are divided by their mean.

    Raises:
        ValueError: An argument is out of its range.
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self, threshold: float = 0.5, otherwise: float = 0.0, normalize: bool = False
    ) -> None:
        super().__init__()
        self.threshold = fraction('threshold', threshold)
        self.otherwise = non_negative('otherwise', otherwise)
        self.normalize = boolean('normalize', normalize)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The weights (B,) of rows of class logits."""
        return confidence_gate(
            teacher, threshold=self.threshold, otherwise=self.otherwise
        )


@WEIGHERS.register_module()
class CorrectnessGate(nn.Module):
    """Rows on which the teacher is right.

    See :func:`ckd_mm.functional.correctness_gate`.

    Args:
        otherwise: The weight of the other rows; 0 leaves them out.
        normalize: Whether all weights are divided by their mean.

    Raises:
        ValueError: An argument is out of its range.
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(self, otherwise: float = 0.0, normalize: bool = False) -> None:
        super().__init__()
        self.otherwise = non_negative('otherwise', otherwise)
        self.normalize = boolean('normalize', normalize)

    def forward(self, student: Tensor, teacher: Tensor, target: Tensor) -> Tensor:
        """The weights (B,) of rows of class logits."""
        return correctness_gate(teacher, target, otherwise=self.otherwise)
