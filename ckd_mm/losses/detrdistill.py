"""DETRDistill's loss of feature maps as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean, non_negative
from ckd_mm.functional import detrdistill_loss
from ckd_mm.functional._padding import Shapes, Size
from ckd_mm.losses._levels import Maps, sum_over_levels
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['DETRDistillLoss']


@LOSSES.register_module()
class DETRDistillLoss(nn.Module):
    """Maps where queries find objects, see :func:`ckd_mm.functional.detrdistill_loss`.

    The losses of the levels are summed, as in the authors' code. It has no parameters:
    both models have maps of one width.

    Args:
        ignore_padding: Leave out positions beyond the image in a padded batch.
        loss_weight: Multiplies the loss. The authors' code has 1. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import DETRDistillLoss
        >>> loss = DETRDistillLoss(ignore_padding=False)
        >>> student, teacher = torch.randn(2, 8, 6, 6), torch.randn(2, 8, 6, 6)
        >>> queries, quality = torch.randn(6, 2, 9, 8), torch.rand(6, 2, 9)
        >>> loss(student, teacher, queries, quality).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(self, ignore_padding: bool = True, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.ignore_padding = boolean('ignore_padding', ignore_padding)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    @property
    def also_needs(self) -> tuple[str, ...]:
        """What it asks for beside the arguments of `forward` without a default."""
        return ('image_shapes', 'image_size') if self.ignore_padding else ()

    def forward(
        self,
        student: Maps,
        teacher: Maps,
        queries: Tensor,
        quality: Tensor,
        image_shapes: Shapes | None = None,
        image_size: Size | None = None,
    ) -> Tensor:
        """The weighted loss, of shape ()."""
        shapes = image_shapes if self.ignore_padding else None

        def of_level(student: Tensor, teacher: Tensor) -> Tensor:
            return detrdistill_loss(
                student, teacher, queries, quality, shapes, image_size
            )

        return self.loss_weight * sum_over_levels(of_level, student, teacher)
