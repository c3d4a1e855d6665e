"""Leave out the positions of maps that lie beyond an image of a padded batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

__all__ = ['Shapes', 'Size', 'mask_inside', 'mean_inside', 'sizes_inside']

Size: TypeAlias = tuple[int, int]
Shapes: TypeAlias = Sequence[Size]
"""Height and width of each image in pixels, before padding."""


def sizes_inside(
    size: Size, image_shapes: Shapes | None, image_size: Size | None
) -> list[Size] | None:
    """How many rows and columns of a map have their centre inside of each image.

    Padding is at the right and at the bottom. The first row and column always count.

    Args:
        size: Height and width of the map, which covers the whole batch.
        image_shapes: Those of each image; `None` is no padding.
        image_size: Those of the batch, in the same unit.

    Returns:
        One pair per image; `None` where nothing is left out.
    """
    if image_shapes is None or image_size is None:
        return None
    found = [
        (
            _count(size[0], shape[0], image_size[0]),
            _count(size[1], shape[1], image_size[1]),
        )
        for shape in image_shapes
    ]
    return None if all(inside == tuple(size) for inside in found) else found


def mean_inside(
    values_NHW: Tensor, image_shapes: Shapes | None, image_size: Size | None
) -> Tensor:
    """The mean over all positions inside of the images; 0 if there are none."""
    _, height, width = values_NHW.shape
    inside = sizes_inside((height, width), image_shapes, image_size)
    if inside is None:
        return values_NHW.sum() / max(values_NHW.numel(), 1)
    sums = [
        values_HW[:rows, :columns].sum()
        for values_HW, (rows, columns) in zip(values_NHW, inside, strict=True)
    ]
    return torch.stack(sums).sum() / sum(rows * columns for rows, columns in inside)


def mask_inside(inside: Sequence[Size], maps: Tensor) -> Tensor:
    """1 at the positions inside of each image and 0 elsewhere, (N, 1, H, W)."""
    mask_N1HW = maps.new_zeros(len(maps), 1, *maps.shape[2:])
    for mask_1HW, (rows, columns) in zip(mask_N1HW, inside, strict=True):
        mask_1HW[:, :rows, :columns] = 1
    return mask_N1HW


def _count(cells: int, pixels: int, total: int) -> int:
    """The number of i with (i + 1/2) / cells < pixels / total."""
    inside = -((total - 2 * pixels * cells) // (2 * total))
    return min(max(inside, 1), cells)
