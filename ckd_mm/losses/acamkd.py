"""ACAM-KD as a registered loss."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean, non_negative, positive_integer
from ckd_mm.functional import acamkd_loss, mask_diversity
from ckd_mm.functional._inputs import check_maps
from ckd_mm.losses._connectors import Channels, over_pairs, pairs, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._mask_selection import MaskSelection
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['ACAMKDLoss']


@LOSSES.register_module()
class ACAMKDLoss(nn.Module):
    r"""Features under masks that both models choose in each step.

    .. math::
        L = L_{distance}(s', t, A, B) + \lambda \, (D(A) + D(B))

    with the distance of :func:`ckd_mm.functional.acamkd_loss` and the likeness D of
    :func:`ckd_mm.functional.mask_diversity`. The masks are

    .. math::
        U = \mathrm{softmax} \Bigl( \frac{Q K^T}{\sqrt{C / 2}} \Bigr) V, \qquad
        A_m = \sigma(a_m \, \mathrm{mean}_p U_p), \qquad B_m = \sigma(U b_m)

    with Q of the teacher's map and K and V of the student's, each by a 1 x 1
    convolution, a learned number a_m and a learned vector b_m. Where the widths differ,
    one more brings the student's map to the teacher's width. The losses of the levels
    are summed.

    "ACAM-KD: Adaptive and Cooperative Attention Masking for Knowledge Distillation",
    arXiv:2503.06307. Here a map of more than `max_keys` positions is average-pooled for
    K and V, where the paper has all pairs of positions.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        num_masks: Number of masks of either kind. The paper: 6 for detectors.
        max_keys: Largest number of the student's positions in the attention.
        detach_masks: Take the masks as constants in the distance. With `False` the
            distance trains them too, and masks of 0 make it 0.
        diversity_weight: The weight lambda of the masks' likeness.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import ACAMKDLoss
        >>> loss = ACAMKDLoss(student_channels=8, teacher_channels=32)
        >>> loss(torch.randn(2, 8, 6, 6), torch.randn(2, 32, 6, 6)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows or maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        num_masks: int = 6,
        max_keys: int = 1024,
        detach_masks: bool = True,
        diversity_weight: float = 1.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        num_masks = positive_integer('num_masks', num_masks)
        self.max_keys = positive_integer('max_keys', max_keys)
        self.detach_masks = boolean('detach_masks', detach_masks)
        self.diversity_weight = non_negative('diversity_weight', diversity_weight)
        self.loss_weight = non_negative('loss_weight', loss_weight)
        self.levels = nn.ModuleList(
            nn.ModuleDict(
                {
                    'align': nn.Identity()
                    if student == teacher
                    else nn.Conv2d(student, teacher, kernel_size=1),
                    'masks': MaskSelection(student, teacher, num_masks, max_keys),
                }
            )
            for student, teacher in self.widths
        )

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        found = pairs(student, teacher, self.widths)
        return self.loss_weight * over_pairs(self._level, self.levels, found).sum()

    def _level(self, level: Any, student: Tensor, teacher: Tensor) -> Tensor:
        aligned = level['align'](student)
        check_maps(aligned, teacher)
        masks = level['masks'](student, teacher.to(student.dtype))
        held = [one.detach() for one in masks] if self.detach_masks else masks
        alike = mask_diversity(masks[0]) + mask_diversity(masks[1])
        return acamkd_loss(aligned, teacher, *held) + self.diversity_weight * alike
