"""Gram as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ckd_mm.functional import gram_loss
from ckd_mm.functional._padding import Shapes, Size
from ckd_mm.losses._inside import OneSizeInside
from ckd_mm.losses._resize import Resize
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['GramLoss']


@LOSSES.register_module()
class GramLoss(OneSizeInside):
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
        super().__init__(resize, ignore_padding, loss_weight)

    def of_level(
        self,
        student: Tensor,
        teacher: Tensor,
        shapes: Shapes | None,
        image_size: Size | None,
    ) -> Tensor:
        """The loss of one level, of shape ()."""
        return gram_loss(student, teacher, shapes, image_size)
