"""SDD as a registered loss."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive
from ckd_mm.functional import sdd_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._levels import Maps, sum_over_levels
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['SDDLoss']


@LOSSES.register_module()
class SDDLoss(nn.Module):
    """Logits of an image and its regions, see :func:`ckd_mm.functional.sdd_loss`.

    The maps are those of `on=dict(part='cam', bias=True)`.

    Args:
        sizes: The scales m, each with m x m regions. CIFAR-100: `[1, 2]` for students
            of the teacher's kind, `[1, 2, 4]` for others.
        temperature: Divides the logits. CIFAR-100: 4.
        complementary_weight: Weight of a region about which the teacher is right and
            about the image wrong, or the other way round.
        loss_weight: Multiplies the loss. CIFAR-100: 0.9 beside the student's own loss
            at 0.1. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import SDDLoss
        >>> loss, target = SDDLoss(sizes=[1, 2]), torch.tensor([3, 1])
        >>> loss(torch.randn(2, 10, 4, 4), torch.randn(2, 10, 8, 8), target).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        sizes: Sequence[int] = (1, 2, 4),
        temperature: float = 4.0,
        complementary_weight: float = 2.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        is_list = isinstance(sizes, (list, tuple)) and len(sizes) > 0
        if not is_list or not all(type(size) is int and size >= 1 for size in sizes):
            raise ValueError(
                'sizes must be a list of one or more integers >= 1, one for each '
                f'scale, got {sizes!r}'
            )
        self.sizes = tuple(sizes)
        self.temperature = positive('temperature', temperature)
        self.complementary_weight = non_negative(
            'complementary_weight', complementary_weight
        )
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self,
        student: Maps,
        teacher: Maps,
        target: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each image."""
        loss = partial(
            sdd_loss,
            target=target,
            sizes=self.sizes,
            temperature=self.temperature,
            complementary_weight=self.complementary_weight,
            reduction=reduction,
        )
        return self.loss_weight * sum_over_levels(loss, student, teacher)
