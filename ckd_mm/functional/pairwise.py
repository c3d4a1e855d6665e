"""Pairwise: which cells of an image are alike.

Shape suffixes beside the package's: P the cells of a map.
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._cosines import squared_gram_distance, unit_columns
from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._padding import Shapes, Size, mask_inside, sizes_inside

__all__ = ['pairwise_loss']


def pairwise_loss(
    student: Tensor,
    teacher: Tensor,
    image_shapes: Shapes | None = None,
    image_size: Size | None = None,
    *,
    scale: float = 0.5,
) -> Tensor:
    r"""Squared distance of the cosines of all pairs of cells of each image.

    .. math::
        L = \frac{1}{N P^2} \sum_{ipq} (a^s_{ipq} - a^t_{ipq})^2, \qquad
        a_{ipq} = \cos(m_{ip}, m_{iq})

    with m the maps max-pooled to P cells. A cell has `scale` times the height and the
    width of the map, rounded down; the last ones may be smaller. The lengths in the
    cosines are constants for the gradient.

    The pair-wise term of "Structured Knowledge Distillation for Dense Prediction",
    arXiv:1903.04197. Beside 1e-8, which they add to each length, it equals the authors'
    code (irfanICMLL/structure_knowledge_distillation, BSD-2-Clause). A vector shorter
    than 1e-6 has no direction here. Positions whose centre lies in the padding of the
    batch are left out, and so are cells without any other; there they count. See
    :func:`gram_loss` for all positions.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C', H, W), any real values; detached here.
        image_shapes: Height and width of each image before padding, in pixels; `None`
            is no padding.
        image_size: Height and width of the padded batch, in pixels.
        scale: Height and width of a cell as a share of the map's; above 0, at most 1.

    Returns:
        The mean over pairs, without a unit, from 0 to 4, of shape (). An empty batch
        gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of the same images and size.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import pairwise_loss
        >>> student = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # at a right angle
        >>> pairwise_loss(student, torch.ones(1, 3, 1, 2))  # 2 of 4 pairs are 1 apart
        tensor(0.5000)
    """
    check_maps(student, teacher, any_channels=True)
    images, _, height, width = student.shape
    cell = max(int(height * scale), 1), max(int(width * scale), 1)
    inside = sizes_inside((height, width), image_shapes, image_size)
    pooled = [_pooled(maps, cell, inside) for maps in (student, teacher)]
    with full_precision(*pooled) as pair:
        student_NCP, teacher_NCP = (
            unit_columns(maps, None, constant_lengths=True) for maps in pair
        )
        squares = squared_gram_distance(student_NCP, teacher_NCP)
    sizes = [(height, width)] * images if inside is None else inside
    cells = [math.prod(_cells(size, cell)) for size in sizes]
    return squares / max(sum(number**2 for number in cells), 1)


def _cells(size: Size, cell: Size) -> Size:
    """How many rows and columns of cells there are, the smaller ones included."""
    return -(-size[0] // cell[0]), -(-size[1] // cell[1])


def _pooled(maps: Tensor, cell: Size, inside: list[Size] | None) -> Tensor:
    """The largest value of each cell, and 0 in cells beyond the image."""
    if inside is None:
        return F.max_pool2d(maps, cell, ceil_mode=True)
    maps = maps.masked_fill(mask_inside(inside, maps) == 0, -math.inf)
    pooled = F.max_pool2d(maps, cell, ceil_mode=True)
    of_cells = [_cells(size, cell) for size in inside]
    return pooled.masked_fill(mask_inside(of_cells, pooled) == 0, 0.0)
