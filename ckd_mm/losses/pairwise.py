"""The pair-wise term of structured KD as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ckd_mm.checks import share
from ckd_mm.functional import pairwise_loss
from ckd_mm.functional._padding import Shapes, Size
from ckd_mm.losses._inside import OneSizeInside
from ckd_mm.losses._resize import Resize
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['PairwiseLoss']


@LOSSES.register_module()
class PairwiseLoss(OneSizeInside):
    """Likeness of cells of an image, see :func:`ckd_mm.functional.pairwise_loss`.

    The losses of the levels are summed. It has no parameters, and widths may differ.

    Args:
        scale: Height and width of a cell as a share of the map's. The authors' 0.5
            gives 2 x 2 cells, or 3 along an axis of odd length.
        resize: At which size maps are pooled to cells: `'student'` or `'teacher'` is
            that model's, or a height and a width; `None` refuses maps of different
            sizes.
        ignore_padding: Leave out positions beyond the image in a padded batch.
        loss_weight: Multiplies the loss. The authors' is 1. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import PairwiseLoss
        >>> loss = PairwiseLoss(scale=0.25)
        >>> loss(torch.randn(2, 8, 8, 8), torch.randn(2, 32, 8, 8)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        scale: float = 0.5,
        resize: Resize = None,
        ignore_padding: bool = True,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(resize, ignore_padding, loss_weight)
        self.scale = share('scale', scale)

    def of_level(
        self,
        student: Tensor,
        teacher: Tensor,
        shapes: Shapes | None,
        image_size: Size | None,
    ) -> Tensor:
        """The loss of one level, of shape ()."""
        return pairwise_loss(student, teacher, shapes, image_size, scale=self.scale)
