"""CIRKD: how positions of one image resemble those of every image of the batch.

Shape suffixes beside the package's: P the H W positions, G those of all N images, R
positions of a block.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from ckd_mm.functional._cosines import unit_columns
from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._padding import Shapes, Size, mask_inside, sizes_inside
from ckd_mm.functional._recomputed import recomputed

__all__ = ['cirkd_loss']

_MOST_SCORES = 2**22
"""The largest number of cosines that is computed at once: 16 MiB in float32."""


def cirkd_loss(
    student: Tensor,
    teacher: Tensor,
    image_shapes: Shapes | None = None,
    image_size: Size | None = None,
    *,
    temperature: float = 0.1,
) -> Tensor:
    r"""KL divergence of each position's likeness to the positions of each image.

    .. math::
        L = \frac{1}{N^2 P} \sum_{ijp} \mathrm{KL} \bigl(
            \sigma(\cos(t_{ip}, t_{j \cdot}) / T) \,\big\|\,
            \sigma(\cos(s_{ip}, s_{j \cdot}) / T) \bigr)

    for all ordered pairs of images i and j of this rank's batch, with i = j among them,
    and the softmax over the positions of j.

    The pixel relations within a batch of "Cross-Image Relational Knowledge Distillation
    for Semantic Segmentation", arXiv:2204.06986, written from its formula, as the
    authors' code has no licence. Its memory of pixels and regions of earlier batches is
    not here. A vector shorter than 1e-6 has no direction: its cosines are 0 and have no
    gradient. Positions whose centre lies in the padding of the batch are left out. The
    cosines are computed in blocks, and again in the backward pass.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C', H, W), any real values; detached here.
        image_shapes: Height and width of each image before padding, in pixels; `None`
            is no padding.
        image_size: Height and width of the padded batch, in pixels.
        temperature: Divides the cosines, > 0.

    Returns:
        The mean over pairs of images of the mean over positions, in nats, >= 0, of
        shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of the same images and size.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import cirkd_loss
        >>> teacher = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # at a right angle
        >>> cirkd_loss(torch.ones(1, 3, 1, 2), teacher, temperature=1.0)
        tensor(0.1109)
    """
    check_maps(student, teacher, any_channels=True)
    size = student.shape[2], student.shape[3]
    inside = sizes_inside(size, image_shapes, image_size) or [size] * len(student)
    with full_precision(student, teacher) as pair:
        if len(student) == 0:
            return pair[0].sum() * 0.0
        mask_NP = mask_inside(inside, pair[1]).flatten(1)
        weights_NP = mask_NP / (mask_NP.sum(dim=1, keepdim=True) * len(student) ** 2)
        wholes = (
            weights_NP.flatten(),
            *(unit_columns(maps, None).mT.flatten(0, 1) for maps in pair),
        )
        rows = max(_MOST_SCORES // mask_NP.numel(), 1)
        divergence = partial(_divergence, mask_NP == 0, temperature, *wholes[1:])
        blocks = zip(*(whole.split(rows) for whole in wholes), strict=True)
        return torch.stack([recomputed(divergence, *block) for block in blocks]).sum()


def _divergence(
    beyond_NP: Tensor,
    temperature: float,
    student_GC: Tensor,
    teacher_GC: Tensor,
    weights_R: Tensor,
    student_RC: Tensor,
    teacher_RC: Tensor,
    *,
    again: bool,
) -> Tensor:
    """The weighted sum over the rows of a block and over all images."""
    student_RNP, teacher_RNP = (
        (rows_RC @ (all_GC / temperature).T)
        .unflatten(1, beyond_NP.shape)
        .masked_fill(beyond_NP, -math.inf)
        .log_softmax(dim=2)
        for rows_RC, all_GC in ((student_RC, student_GC), (teacher_RC, teacher_GC))
    )
    gaps_RNP = (teacher_RNP - student_RNP).masked_fill(beyond_NP, 0.0)
    return weights_R @ (teacher_RNP.exp() * gaps_RNP).sum(dim=(1, 2))
