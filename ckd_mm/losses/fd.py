"""FD, feature distillation, as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import one_of, positive
from ckd_mm.functional import fd_loss
from ckd_mm.functional._padding import Shapes, Size
from ckd_mm.losses._connectors import Channels, over_pairs, pairs, projections, widths
from ckd_mm.losses._inside import InsideImages
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._resize import Resize, checked_resize, of_one_size
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['FDLoss']


@LOSSES.register_module()
class FDLoss(InsideImages):
    """Standardised features of the teacher, see :func:`ckd_mm.functional.fd_loss`.

    For each level, a 1 x 1 convolution, trained along with the student, brings the
    student's maps to the teacher's width, as in the authors' code. The losses of the
    levels are summed.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        distance: `'smooth_l1'`, or `'mse'`, the squared error.
        beta: Where smooth L1 becomes linear. Not read by `'mse'`.
        resize: At which size maps are compared: `'student'` or `'teacher'` is that
            model's, or a height and a width; `None` refuses maps of different sizes.
        ignore_padding: Leave out positions beyond the image in a padded batch.
        loss_weight: Multiplies the loss. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import FDLoss
        >>> loss = FDLoss(student_channels=8, teacher_channels=32)
        >>> loss(torch.randn(2, 8, 6, 6), torch.randn(2, 32, 6, 6)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows or maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        distance: str = 'smooth_l1',
        beta: float = 2.0,
        resize: Resize = None,
        ignore_padding: bool = True,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(ignore_padding, loss_weight)
        self.widths = widths(student_channels, teacher_channels)
        self.projections = projections(self.widths)
        self.distance = one_of('distance', distance, ('smooth_l1', 'mse'))
        self.beta = positive('beta', beta)
        self.resize = checked_resize(resize)

    def compare(
        self,
        student: Maps,
        teacher: Maps,
        shapes: Shapes | None,
        image_size: Size | None,
    ) -> Tensor:
        """The loss of all levels, of shape ()."""

        def of_level(projection: nn.Module, student: Tensor, teacher: Tensor) -> Tensor:
            student, teacher = of_one_size(student, teacher, self.resize)
            return fd_loss(
                projection(student),
                teacher,
                shapes,
                image_size,
                distance=self.distance,
                beta=self.beta,
            )

        found = pairs(student, teacher, self.widths)
        return over_pairs(of_level, self.projections, found).sum()
