"""KD with hard labels as a registered loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ckd_mm.checks import fraction, non_negative
from ckd_mm.functional import effective_number_weights, hardkd_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['HardKDLoss']


@LOSSES.register_module()
class HardKDLoss(nn.Module):
    """KD with hard labels, see :func:`ckd_mm.functional.hardkd_loss`.

    Args:
        class_counts: The number of training images of each class, in the order of the
            classes, for long-tailed data: the loss is weighted by
            :func:`ckd_mm.functional.effective_number_weights`, and needs `epoch`.
            `None` weighs all classes equally.
        beta: Of these weights, from 0 to below 1.
        reweight_from: The number of epochs after which the weights begin to count.
            DeiT-LT: 1100 of 1200 on CIFAR-LT.
        loss_weight: Multiplies the loss. DeiT takes 0.5 beside the student's own loss
            at 0.5. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import HardKDLoss
        >>> loss = HardKDLoss(loss_weight=0.5)
        >>> loss(torch.zeros(1, 4), torch.tensor([[1.0, 9.0, 2.0, 3.0]]))
        tensor(0.6931)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        class_counts: Sequence[int] | None = None,
        beta: float = 0.9999,
        reweight_from: float = 0.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.class_counts = _counts(class_counts)
        self.beta = fraction('beta', beta)
        self.reweight_from = non_negative('reweight_from', reweight_from)
        self.loss_weight = non_negative('loss_weight', loss_weight)
        self._weights: dict[torch.device, Tensor] = {}

    @property
    def also_needs(self) -> tuple[str, ...]:
        """The epoch, if the weights of the classes begin to count at one."""
        return ('epoch',) if self.class_counts else ()

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        epoch: float = 0.0,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row.

        Raises:
            ValueError: There are not as many counts as classes.
        """
        weights = None
        if self.class_counts is not None:
            if len(self.class_counts) != student.shape[-1]:
                raise ValueError(
                    f'class_counts has {len(self.class_counts)} numbers, and the '
                    f'logits are {tuple(student.shape)}; give one for each class that '
                    'is compared'
                )
            if epoch >= self.reweight_from:
                weights = self._weights_on(student.device)
        loss = hardkd_loss(student, teacher, class_weights=weights, reduction=reduction)
        return self.loss_weight * loss

    def _weights_on(self, device: torch.device) -> Tensor:
        """The weights, copied to each device once."""
        if device not in self._weights:
            assert self.class_counts is not None
            weights = effective_number_weights(self.class_counts, self.beta)
            self._weights[device] = weights.to(device)
        return self._weights[device]


def _counts(value: Any) -> Sequence[int] | None:
    listed = isinstance(value, Sequence) and value
    if value is None or (
        listed and all(type(one) is int and one >= 1 for one in value)
    ):
        return value
    raise ValueError(
        'class_counts must be a list of the number of images of each class, integers '
        f'>= 1, got {value!r}'
    )
