"""CTKD as a registered loss."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ckd_mm.checks import boolean, non_negative, positive, positive_integer
from ckd_mm.functional import (
    ctkd_loss,
    ctkd_strength,
    ctkd_temperature,
)
from ckd_mm.functional._inputs import check_logits
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['CTKDLoss']


@LOSSES.register_module()
class CTKDLoss(nn.Module):
    """KD at a learned temperature, see :func:`ckd_mm.functional.ctkd_loss`.

    The temperature is a single parameter. With `num_classes` it is computed for each
    row instead, by a network with one hidden layer from both models' detached logits.
    Either way it starts at 15.6. The defaults are the authors' for CIFAR-100. In their
    code `strength` rises once per epoch, from 0.02; here it rises at every iteration,
    from 0.

    The authors' code for the network was not available: its width of 128, its ReLU and
    its initial weights are ours.

    Args:
        min_temperature: The lowest temperature.
        temperature_range: The highest one minus the lowest.
        ramp_epochs: Epochs over which the reversed gradient rises to its full
            strength.
        num_classes: The number of classes of the logits, to learn one temperature for
            each row; `None` learns a single temperature.
        standardize: Standardise each row of logits first (arXiv:2403.01427).
        loss_weight: Multiplies the loss. CIFAR-100: 0.9 beside the student's own loss
            at 0.1. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import CTKDLoss
        >>> loss = CTKDLoss(loss_weight=0.9)
        >>> student, teacher = torch.zeros(1, 2), torch.tensor([[8.0, 0.0]])
        >>> loss(student, teacher, epoch=0.5).detach()
        tensor(6.9707)
        >>> loss.statistics(student, teacher)['temperature']
        tensor(15.6212)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        min_temperature: float = 1.0,
        temperature_range: float = 20.0,
        ramp_epochs: float = 10.0,
        num_classes: int | None = None,
        standardize: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.min_temperature = positive('min_temperature', min_temperature)
        self.temperature_range = positive('temperature_range', temperature_range)
        self.ramp_epochs = non_negative('ramp_epochs', ramp_epochs)
        self.standardize = boolean('standardize', standardize)
        self.loss_weight = non_negative('loss_weight', loss_weight)
        self.num_classes = num_classes
        if num_classes is None:
            self.score = nn.Parameter(torch.ones(()))
        else:
            self.network = _network(2 * positive_integer('num_classes', num_classes))

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        epoch: float,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * ctkd_loss(
            student,
            teacher,
            self._score(student, teacher),
            strength=ctkd_strength(epoch, self.ramp_epochs),
            min_temperature=self.min_temperature,
            temperature_range=self.temperature_range,
            standardize=self.standardize,
            reduction=reduction,
        )

    def statistics(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        """The mean temperature to log beside the loss, without a graph."""
        score = self._score(student, teacher).detach()
        temperature = ctkd_temperature(
            score, self.min_temperature, self.temperature_range
        )
        return {
            'temperature': temperature.sum() / max(temperature.numel(), 1),
        }

    def _score(self, student: Tensor, teacher: Tensor) -> Tensor:
        if self.num_classes is None:
            return self.score
        self._check_classes(student, teacher)
        both = torch.cat([student.detach(), teacher.detach()], dim=1)
        with torch.autocast(both.device.type, enabled=False):
            return self.network(both.float())[:, 0]

    def _check_classes(self, student: Tensor, teacher: Tensor) -> None:
        check_logits(student, teacher)
        if student.shape[1] != self.num_classes:
            raise ValueError(
                'num_classes of CTKDLoss must be the number of classes of the logits '
                f'(B, C), got num_classes={self.num_classes} and logits '
                f'{tuple(student.shape)}; set num_classes={student.shape[1]}'
            )


def _network(width: int) -> nn.Sequential:
    """A network whose output starts at the value of the single parameter."""
    last = nn.Linear(128, 1)
    nn.init.zeros_(last.weight)
    nn.init.ones_(last.bias)
    return nn.Sequential(nn.Linear(width, 128), nn.ReLU(), last)
