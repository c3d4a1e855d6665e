"""Cosine map as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean
from ckd_mm.functional import cosinemap_loss
from ckd_mm.functional._padding import Shapes, Size
from ckd_mm.losses._connectors import Channels, over_pairs, pairs, projections, widths
from ckd_mm.losses._inside import InsideImages
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._resize import Resize, checked_resize, of_one_size
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['CosineMapLoss']


@LOSSES.register_module()
class CosineMapLoss(InsideImages):
    """Directions of features, see :func:`ckd_mm.functional.cosinemap_loss`.

    For each level, a 1 x 1 convolution, trained along with the student, brings the
    student's maps to the teacher's width, as in RT-DETRv4. The losses of the levels are
    summed.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        project: `False` is no convolution, for maps of one width.
        resize: At which size maps are compared: `'student'` or `'teacher'` is that
            model's, or a height and a width; `None` refuses maps of different sizes.
        ignore_padding: Leave out positions beyond the image in a padded batch.
        loss_weight: Multiplies the loss. RT-DETRv4 in code: 5 to 20. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import CosineMapLoss
        >>> loss = CosineMapLoss(8, 32, resize='teacher')
        >>> loss(torch.randn(2, 8, 6, 6), torch.randn(2, 32, 3, 3)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows or maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        project: bool = True,
        resize: Resize = None,
        ignore_padding: bool = True,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(ignore_padding, loss_weight)
        self.widths = widths(student_channels, teacher_channels)
        self.projections = projections(self.widths, boolean('project', project))
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
            return cosinemap_loss(projection(student), teacher, shapes, image_size)

        found = pairs(student, teacher, self.widths)
        return over_pairs(of_level, self.projections, found).sum()
