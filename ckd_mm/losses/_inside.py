"""Losses of maps that leave out the padding of a batch."""

from __future__ import annotations

from torch import Tensor, nn

from ckd_mm.checks import boolean, non_negative
from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._padding import Shapes, Size
from ckd_mm.losses._levels import Maps, sum_over_levels
from ckd_mm.losses._resize import Resize, checked_resize, of_one_size

__all__ = ['InsideImages', 'OneSizeInside']


class InsideImages(nn.Module):
    """A loss of positions inside the images; a subclass has :meth:`compare`.

    Args:
        ignore_padding: Leave out positions beyond the image in a padded batch.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(self, ignore_padding: bool, loss_weight: float) -> None:
        super().__init__()
        self.ignore_padding = boolean('ignore_padding', ignore_padding)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    @property
    def also_needs(self) -> tuple[str, ...]:
        """What it asks for beside student and teacher."""
        return ('image_shapes', 'image_size') if self.ignore_padding else ()

    def forward(
        self,
        student: Maps,
        teacher: Maps,
        image_shapes: Shapes | None = None,
        image_size: Size | None = None,
    ) -> Tensor:
        """The weighted loss, of shape ()."""
        shapes = image_shapes if self.ignore_padding else None
        return self.loss_weight * self.compare(student, teacher, shapes, image_size)

    def compare(
        self,
        student: Maps,
        teacher: Maps,
        shapes: Shapes | None,
        image_size: Size | None,
    ) -> Tensor:
        """The loss of all levels, of shape ().

        Args:
            student: The student's maps, by level if there are several.
            teacher: The teacher's.
            shapes: Height and width of each image before padding; `None` counts all.
            image_size: Height and width of the padded batch.
        """
        raise NotImplementedError


class OneSizeInside(InsideImages):
    """The same for maps of any width, at one size; a subclass has :meth:`of_level`.

    Args:
        resize: At which size maps are compared: `'student'` or `'teacher'` is that
            model's, or a height and a width; `None` refuses maps of different sizes.
        ignore_padding: Leave out positions beyond the image in a padded batch.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self, resize: Resize, ignore_padding: bool, loss_weight: float
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
        """The sum over all levels, of shape ()."""

        def of_level(student: Tensor, teacher: Tensor) -> Tensor:
            check_maps(student, teacher, any_channels=True, any_size=True)
            student, teacher = of_one_size(student, teacher, self.resize)
            return self.of_level(student, teacher, shapes, image_size)

        return sum_over_levels(of_level, student, teacher)

    def of_level(
        self,
        student: Tensor,
        teacher: Tensor,
        shapes: Shapes | None,
        image_size: Size | None,
    ) -> Tensor:
        """The loss of one level, whose maps (N, C, H, W) have one size."""
        raise NotImplementedError
