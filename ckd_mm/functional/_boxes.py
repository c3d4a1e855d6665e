"""Ground-truth boxes, for the losses that weight positions by the objects.

Shape suffixes beside the package's: G boxes of one image, A anchors.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ['check_boxes', 'overlaps']


def check_boxes(boxes: Sequence[Tensor], num_images: int) -> None:
    """Check that there is one tensor of boxes (G, 4) for each image.

    Raises:
        ValueError: The number of tensors or their shapes do not fit.
    """
    shapes = [tuple(of_image.shape) for of_image in boxes]
    if len(shapes) != num_images or any(
        len(shape) != 2 or shape[1] != 4 for shape in shapes
    ):
        raise ValueError(
            f'boxes must be one tensor (G, 4) for each of the {num_images} images, '
            f'got {shapes}; give an empty (0, 4) for an image without objects'
        )


def overlaps(anchors_A4: Tensor, boxes_G4: Tensor) -> Tensor:
    """IoU of each anchor with each box (A, G); 0 if either of them is empty."""
    first_AG2 = torch.maximum(anchors_A4[:, None, :2], boxes_G4[:, :2])
    last_AG2 = torch.minimum(anchors_A4[:, None, 2:], boxes_G4[:, 2:])
    both_AG = (last_AG2 - first_AG2).clamp_min(0).prod(dim=2)
    either_AG = _areas(anchors_A4)[:, None] + _areas(boxes_G4) - both_AG
    return torch.where(both_AG > 0, both_AG / either_AG, 0.0)


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
