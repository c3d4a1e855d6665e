"""CIRKD's pixel relations of a batch as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ckd_mm.checks import positive, positive_integer
from ckd_mm.functional import cirkd_loss
from ckd_mm.functional._inputs import full_precision
from ckd_mm.functional._padding import Shapes, Size
from ckd_mm.functional._sizes import pooled_below
from ckd_mm.losses._inside import OneSizeInside
from ckd_mm.losses._resize import Resize
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['CIRKDLoss']


@LOSSES.register_module()
class CIRKDLoss(OneSizeInside):
    """Likeness to positions of all images, see :func:`ckd_mm.functional.cirkd_loss`.

    The losses of the levels are summed. It has no parameters, and widths may differ.
    The images are those of a rank's batch; a single one is compared with itself.

    Args:
        temperature: Divides the cosines. The authors' is 0.1.
        max_positions: Largest number of positions of a map; both maps are
            average-pooled below it, by one factor for height and width. Time grows with
            the square of images times positions, memory with their number.
        resize: At which size maps are compared, before this: `'student'` or `'teacher'`
            is that model's, or a height and a width; `None` refuses maps of different
            sizes.
        ignore_padding: Leave out positions beyond the image in a padded batch.
        loss_weight: Multiplies the loss. The authors' is 1. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import CIRKDLoss
        >>> loss = CIRKDLoss(max_positions=16)
        >>> loss(torch.randn(2, 8, 8, 8), torch.randn(2, 32, 8, 8)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        temperature: float = 0.1,
        max_positions: int = 4096,
        resize: Resize = None,
        ignore_padding: bool = True,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(resize, ignore_padding, loss_weight)
        self.temperature = positive('temperature', temperature)
        self.max_positions = positive_integer('max_positions', max_positions)

    def of_level(
        self,
        student: Tensor,
        teacher: Tensor,
        shapes: Shapes | None,
        image_size: Size | None,
    ) -> Tensor:
        """The loss of one level, of shape ()."""
        with full_precision(student, teacher) as wide:
            student, teacher = (pooled_below(maps, self.max_positions) for maps in wide)
        return cirkd_loss(
            student, teacher, shapes, image_size, temperature=self.temperature
        )
