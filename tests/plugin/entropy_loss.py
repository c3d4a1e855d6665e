"""A loss of somebody's own: the difference of both models' entropies."""

from __future__ import annotations

from torch import Tensor, nn

from ckd_mm.registry import LOSSES

__all__ = ['EntropyLoss']


@LOSSES.register_module()
class EntropyLoss(nn.Module):
    """The mean squared difference of the entropies of rows with an object.

    Args:
        loss_weight: Multiplies the loss.
        background: The number of the class that is no object.
    """

    takes = 'distribution'

    def __init__(self, background: int, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.background, self.loss_weight = background, loss_weight

    def forward(self, student: Tensor, teacher: Tensor, target: Tensor) -> Tensor:
        rows = target != self.background
        gap = _entropies(student) - _entropies(teacher).detach()
        return self.loss_weight * (gap.square() * rows).mean()


def _entropies(logits: Tensor) -> Tensor:
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1)
