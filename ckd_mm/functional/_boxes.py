"""Ground-truth boxes, for the losses that look where the objects are.

Shape suffix beside the package's: G boxes of one image.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

__all__ = ['check_boxes']


def check_boxes(boxes: Sequence[Tensor], num_images: int) -> None:
    """Check that there is one set of boxes (G, 4) for each image.

    Raises:
        ValueError: There is not.
    """
    shapes = [tuple(of_image.shape) for of_image in boxes]
    if len(shapes) != num_images or any(
        len(shape) != 2 or shape[1] != 4 for shape in shapes
    ):
        raise ValueError(
            f'boxes must be one tensor (G, 4) for each of the {num_images} images, '
            f'got {shapes}'
        )
