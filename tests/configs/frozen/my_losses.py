"""Losses of our own, for custom_imports."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from ckd_mm.functional import kd_loss
from ckd_mm.registry import LOSSES


@LOSSES.register_module()
class HardestRowsLoss(nn.Module):
    """KD on the rows that the student gets wrong by most."""

    takes: ClassVar[str] = 'distribution'

    def __init__(self, share: float = 0.5, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.share = share
        self.loss_weight = loss_weight

    def forward(self, student: Tensor, teacher: Tensor, target: Tensor) -> Tensor:
        hard = nn.functional.cross_entropy(student, target, reduction='none')
        rows = hard.topk(max(1, int(self.share * len(hard)))).indices
        return self.loss_weight * kd_loss(
            student[rows], teacher[rows], temperature=4.0
        )

    def statistics(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        return {'largest': torch.maximum(student.max(), teacher.max())}


@LOSSES.register_module(name='RampedL2')
class _RampedL2(nn.Module):
    """Any maps; grows in the first epochs. Without `takes`, so nothing is checked."""

    def __init__(self, channels: int, epochs: float = 5.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.epochs = epochs

    def forward(self, student: Tensor, teacher: Tensor, epoch: float) -> Tensor:
        ramp = min(1.0, 0.1 + epoch / self.epochs)
        mean = teacher.mean(dim=1) - student.mean(dim=1)
        return ramp * (self.scale.mean() * mean).square().mean()
