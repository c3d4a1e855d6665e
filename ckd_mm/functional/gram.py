"""Gram: which positions of an image are alike.

Shape suffixes beside the package's: P the H W positions.
"""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._cosines import squared_gram_distance, unit_columns
from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._padding import Shapes, Size, sizes_inside

__all__ = ['gram_loss']


def gram_loss(
    student: Tensor,
    teacher: Tensor,
    image_shapes: Shapes | None = None,
    image_size: Size | None = None,
) -> Tensor:
    r"""Squared distance of the cosines of all pairs of positions of each image.

    .. math::
        L = \frac{1}{N (H W)^2} \sum_{ipq}
            (\cos(s_{ip}, s_{iq}) - \cos(t_{ip}, t_{iq}))^2

    The Gram anchoring of "DINOv3", arXiv:2508.10104. :func:`pairwise_loss` has the
    same of max-pooled cells. A vector shorter than 1e-6 has no
    direction: its cosines are 0 and have no gradient. Pairs with a position whose
    centre lies in the padding of the batch are left out.

    No matrix of more than max(C, H W)^2 or, for larger maps, max(C)^2 numbers per image
    is made: with U the unit vectors (C, H W) of an image, the sum over pairs is

    .. math::
        \|U_s U_s^\top\|^2 + \|U_t U_t^\top\|^2 - 2 \|U_s U_t^\top\|^2.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C', H, W), any real values; detached here.
        image_shapes: Height and width of each image before padding, in pixels; `None`
            is no padding.
        image_size: Height and width of the padded batch, in pixels.

    Returns:
        The mean over pairs, without a unit, from 0 to 4, of shape (). An empty batch
        gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of the same images and size.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import gram_loss
        >>> student = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # at a right angle
        >>> gram_loss(student, torch.ones(1, 3, 1, 2))  # 2 of 4 pairs are 1 apart
        tensor(0.5000)
    """
    check_maps(student, teacher, any_channels=True)
    images, _, height, width = student.shape
    inside = sizes_inside((height, width), image_shapes, image_size)
    with full_precision(student, teacher) as pair:
        student_NCP, teacher_NCP = (unit_columns(maps, inside) for maps in pair)
        squares = squared_gram_distance(student_NCP, teacher_NCP)
    if inside is None:
        inside = [(height, width)] * images
    return squares / max(sum((rows * columns) ** 2 for rows, columns in inside), 1)
