"""DETRDistill: maps of a DETR where the teacher's queries find objects.

Shape suffixes beside the package's: L decoder layers, Q queries, P the H W positions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._padding import Shapes, Size, mask_inside, sizes_inside
from ckd_mm.functional._squares import squares
from ckd_mm.functional._upcast import wide_dtype
from ckd_mm.functional._vectors import inverse_lengths

__all__ = ['detrdistill_loss', 'detrdistill_masks']

_LEAST = 0.01


def detrdistill_loss(
    student: Tensor,
    teacher: Tensor,
    queries: Tensor,
    quality: Tensor,
    image_shapes: Shapes | None = None,
    image_size: Size | None = None,
) -> Tensor:
    r"""Squared distance of the maps of one level, under a mask for each decoder layer.

    .. math::
        L = \sum_l \frac{1}{N C H W} \sum_{icp} \bigl( M_{lip} (s_{icp} - t_{icp})
            \bigr)^2

    with the masks of :func:`detrdistill_masks`. The target-aware feature distillation
    of "DETRDistill: A Universal Knowledge Distillation Framework for DETR-families",
    arXiv:2211.10156, as in the authors' code (Apache-2.0), which sums the losses of the
    decoder layers. Positions whose centre lies in the padding of the batch are left
    out here; in the authors' code they count.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.
        queries: The teacher's queries behind each decoder layer (L, N, Q, C); detached
            here.
        quality: How good the box of each is (L, N, Q), >= 0; detached here.
        image_shapes: Height and width of each image before padding, in pixels; `None`
            is no padding.
        image_size: Height and width of the padded batch, in pixels.

    Returns:
        The mean over all entries, summed over the layers, in squared units of the maps,
        >= 0, of shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The maps are not of one shape, or the queries do not fit them.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import detrdistill_loss
        >>> teacher = torch.tensor([[[[2.0, 0.0]], [[0.0, 2.0]]]])  # at a right angle
        >>> query, quality = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[0.5]]])
        >>> detrdistill_loss(torch.zeros(1, 2, 1, 2), teacher, query, quality)
        tensor(1.0004)
    """
    check_maps(student, teacher)
    masks_LNHW = detrdistill_masks(teacher, queries, quality, image_shapes, image_size)
    weights_NP = masks_LNHW.square().sum(dim=0).flatten(1)
    images, channels, height, width = student.shape
    inside = sizes_inside((height, width), image_shapes, image_size)
    inside = [(height, width)] * images if inside is None else inside
    entries = channels * sum(rows * columns for rows, columns in inside)
    return squares(student, teacher, weights_NP).sum() / max(entries, 1)


def detrdistill_masks(
    teacher: Tensor,
    queries: Tensor,
    quality: Tensor,
    image_shapes: Shapes | None = None,
    image_size: Size | None = None,
) -> Tensor:
    r"""Where the teacher's queries find objects, for each decoder layer.

    .. math::
        M_{lip} = \frac{m_{lip}}{\max_{p'} m_{lip'}}, \qquad
        m_{lip} = \max \Bigl( 0.01, \sum_q g_{liq} \cos(q_{liq}, t_{ip}) \Bigr)

    with the quality g of the queries q. A vector shorter than 1e-6 has no direction:
    its cosines are 0. The sum over queries comes first, so no tensor has the size of
    all queries and positions.

    Args:
        teacher: Feature maps (N, C, H, W) of one level; detached here.
        queries: As for :func:`detrdistill_loss`.
        quality: As there.
        image_shapes: As there.
        image_size: As there.

    Returns:
        The masks (L, N, H, W) in float32 or wider, from 0 to 1, without a graph. Beyond
        an image they are 0.

    Raises:
        ValueError: The queries do not fit the maps.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import detrdistill_masks
        >>> teacher = torch.tensor([[[[2.0, 0.0]], [[0.0, 2.0]]]])  # at a right angle
        >>> query, quality = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[0.5]]])
        >>> detrdistill_masks(teacher, query, quality)
        tensor([[[[1.0000, 0.0200]]]])
    """
    _check_queries(teacher, queries, quality)
    size = (teacher.shape[2], teacher.shape[3])
    inside = sizes_inside(size, image_shapes, image_size)
    with torch.no_grad(), torch.autocast(teacher.device.type, enabled=False):
        dtype = wide_dtype(teacher, queries)
        teacher, queries, quality = (
            one.to(dtype) for one in (teacher, queries, quality)
        )
        units_LNQC = queries * inverse_lengths(queries, dim=3)
        directions_LNC = (quality[:, :, None] @ units_LNQC).squeeze(2)
        sums_NLP = directions_LNC.transpose(0, 1) @ teacher.flatten(2)
        cosines_NLP = sums_NLP * inverse_lengths(teacher, dim=1).flatten(2)
        masks_LNHW = cosines_NLP.transpose(0, 1).clamp_min(_LEAST).unflatten(2, size)
        if inside is not None:
            masks_LNHW = masks_LNHW * mask_inside(inside, teacher)[:, 0]
        return masks_LNHW / masks_LNHW.amax(dim=(2, 3), keepdim=True)


def _check_queries(teacher: Tensor, queries: Tensor, quality: Tensor) -> None:
    """Check that queries are of the images and of the width of the maps.

    Raises:
        ValueError: They are not.
    """
    shapes = [tuple(one.shape) for one in (teacher, queries, quality)]
    maps, of_queries, of_quality = shapes
    fits = len(maps) == 4 and len(of_queries) == 4 and of_quality == of_queries[:3]
    if not fits or (of_queries[1], of_queries[3]) != maps[:2]:
        raise ValueError(
            'queries (L, N, Q, C) and their quality (L, N, Q) must be of the images '
            f'and of the width of the maps (N, C, H, W), got {of_queries}, '
            f"{of_quality} and {maps}; compare on='encoder' or on='neck' of detectors "
            'of the DETR kind'
        )
