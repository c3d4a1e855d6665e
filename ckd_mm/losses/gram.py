"""Gram as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ckd_mm.functional import gram_loss
from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._padding import Shapes, Size
from ckd_mm.losses._inside import InsideImages
from ckd_mm.losses._levels import Maps, sum_over_levels
from ckd_mm.losses._resize import Resize, checked_resize, of_one_size
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['GramLoss']


@LOSSES.register_module()
class GramLoss(InsideImages):
    """Likeness of positions of an image, see :func:`ckd_mm.functional.gram_loss`.

    The losses of the levels are summed. It has no parameters, and widths may differ.

    Args:
        resize: At which size maps are compared: `'student'` or `'teacher'` is that
            model's, or a height and a width; `None` refuses maps of different sizes.
        ignore_padding: Leave out positions beyond the image in a padded batch.
        loss_weight: Multiplies the loss. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import GramLoss
        >>> loss = GramLoss(resize=(2, 2))
        >>> loss(torch.randn(2, 8, 6, 6), torch.randn(2, 32, 3, 3)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        resize: Resize = None,
        ignore_padding: bool = True,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(ignore_padding, loss_weight)
        self.resize = checked_resize(resize)

    def compare(
        self,
        student: Maps,
        teacher: Maps,
        shapes: Shapes | None,
        image_size: Size | None,
    ) -> Tensor:
        """The loss of all levels, of shape ()."""

        def of_level(student: Tensor, teacher: Tensor) -> Tensor:
            check_maps(student, teacher, any_channels=True, any_size=True)
            student, teacher = of_one_size(student, teacher, self.resize)
            return gram_loss(student, teacher, shapes, image_size)

        return sum_over_levels(of_level, student, teacher)
