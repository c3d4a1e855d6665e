"""Box IoU as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, one_of
from ckd_mm.functional import boxioukd_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['BoxIoUKDLoss']


@LOSSES.register_module()
class BoxIoUKDLoss(nn.Module):
    """Overlap of the boxes of both, see :func:`ckd_mm.functional.boxioukd_loss`.

    For `on='cross_boxes'` and `on='shared_query_boxes'`.

    Args:
        mode: `'giou'` or `'iou'`.
        loss_weight: Multiplies the loss; 0 only monitors.
        l1_weight: Factor of the mean absolute difference of center, width and height
            beside the IoU. For boxes relative to the image; KD-DETR: 2.5.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import BoxIoUKDLoss
        >>> student, teacher = torch.tensor([[[0.0, 0, 1, 1]], [[0, 0, 2, 1]]])
        >>> BoxIoUKDLoss(loss_weight=2.0)(student, teacher, torch.tensor([0.5]))
        tensor(1.)
    """

    takes: ClassVar[Takes] = 'boxes'

    def __init__(
        self, mode: str = 'giou', loss_weight: float = 1.0, l1_weight: float = 0.0
    ) -> None:
        super().__init__()
        self.mode = one_of('mode', mode, ('giou', 'iou'))
        self.l1_weight = non_negative('l1_weight', l1_weight)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        scores: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * boxioukd_loss(
            student,
            teacher,
            scores,
            mode=self.mode,
            l1_weight=self.l1_weight,
            reduction=reduction,
        )
