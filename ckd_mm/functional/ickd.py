"""ICKD: how the channels of an image, or of its patches, go together.

Shape suffixes beside the package's: D channels of a student that is projected, K images
times patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._moments import mean_and_covariance
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['Projection', 'ickd_loss']

_EPSILON = 1e-5  # added to variances, as BatchNorm does


class Projection(NamedTuple):
    """A 1 x 1 convolution without a bias, and BatchNorm behind it."""

    weight: Tensor
    """Of the convolution (C, D), from D channels of the student."""

    scale: Tensor
    """BatchNorm's factors (C,)."""

    shift: Tensor
    """BatchNorm's bias (C,)."""


def ickd_loss(
    student: Tensor,
    teacher: Tensor,
    projection: Projection | None = None,
    grid: int = 1,
) -> Tensor:
    r"""Squared distance of the rows of the channels' products of one level.

    .. math::
        L = \frac{1}{N C} \sum_{ic} \left\|
            \frac{G(f)_{ic}}{\|G(f)_{ic}\|} - \frac{G(t)_{ic}}{\|G(t)_{ic}\|}
            \right\|^2, \qquad G(f)_{icd} = \sum_p f_{icp} f_{idp}

    with f the student's maps behind the projection. With `grid` above 1 it is the mean
    of this over the patches of a grid, with p the positions of a patch. BatchNorm is
    that of the whole maps. Where the grid does not divide a side, the first patches are
    one position longer.

    "Exploring Inter-Channel Correlation for Diversity-preserved Knowledge
    Distillation", arXiv:2202.03680: ICKD-C for classification, and ICKD-S for
    segmentation, which has the grid. Written from the formula, as the authors' code has
    no licence. The products of projected maps are computed from means and covariances
    of the student's channels: no projected map is made. A row shorter than 1e-12 has no
    direction and no gradient.

    Args:
        student: Feature maps (N, C, H, W), or (N, D, H, W) with a projection, any real
            values; gets the gradient.
        teacher: Feature maps (N, C, H', W'), any real values; detached here. The sizes
            may differ.
        projection: What brings the student to the teacher's channels; its tensors get a
            gradient as well.
        grid: Number of patches along each axis, >= 1.

    Returns:
        The mean over channels, without a unit, from 0 to 4, of shape (). An empty batch
        gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of the same images and channels, or
            have fewer rows or columns than the grid.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import ickd_loss
        >>> student = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # apart
        >>> ickd_loss(student, torch.ones(1, 2, 1, 2))  # 2 - 2 cos 45 degrees
        tensor(0.5858)
    """
    check_maps(student, teacher, any_channels=projection is not None, any_size=True)
    _check_grid(student, teacher, grid)
    with torch.autocast(student.device.type, enabled=False):
        student_KCC = unit_vectors(_products(student, grid, projection))
        teacher_KCC = unit_vectors(_products(teacher.detach(), grid))
        rows = max(student_KCC.shape[0] * student_KCC.shape[1], 1)
        return (student_KCC - teacher_KCC).square().sum() / rows


def _check_grid(student: Tensor, teacher: Tensor, grid: int) -> None:
    smallest = min(*student.shape[2:], *teacher.shape[2:])
    if smallest < grid:
        raise ValueError(
            f'grid={grid} needs feature maps of at least {grid} rows and columns, got '
            f'{tuple(student.shape)} and {tuple(teacher.shape)}; set a grid of at most '
            f'{smallest}, or compare finer layers'
        )


def _products(maps: Tensor, grid: int, projection: Projection | None = None) -> Tensor:
    """The mean products of all pairs of channels over each patch (K, C, C)."""
    mean_KC, covariance_KCC, weight_K = _moments_of_patches(maps, grid)
    if projection is not None:
        weight_CD, scale_C, shift_C = projection
        mean_KC = mean_KC @ weight_CD.T
        covariance_KCC = weight_CD @ covariance_KCC @ weight_CD.T
        away_KC = mean_KC - weight_K @ mean_KC
        within_KC = covariance_KCC.diagonal(dim1=1, dim2=2)
        variance_C = weight_K @ (within_KC + away_KC.square())
        factor_C = scale_C * (variance_C.clamp_min(0) + _EPSILON).rsqrt()
        mean_KC = factor_C * away_KC + shift_C
        covariance_KCC = factor_C[:, None] * covariance_KCC * factor_C
    return covariance_KCC + mean_KC[:, :, None] * mean_KC[:, None]


def _moments_of_patches(maps: Tensor, grid: int) -> list[Tensor]:
    """Means (K, C), covariances (K, C, C) and shares of all positions (K,).

    Patches of one size are computed at once: of two heights and two widths at most.
    """
    total = max(maps[:, 0].numel(), 1)
    of_rows = []
    for rows, height in _parts(maps.shape[2], grid):
        of_columns = []
        for columns, width in _parts(maps.shape[3], grid):
            block = maps[:, :, rows, columns]
            block = block.unflatten(3, (-1, width)).unflatten(2, (-1, height))
            patches = block.permute(0, 2, 4, 1, 3, 5)
            sizes = patches.shape[:3]
            mean, covariance = mean_and_covariance(patches.flatten(0, 2))
            share = mean.new_full(sizes, height * width / total)
            found = (mean.unflatten(0, sizes), covariance.unflatten(0, sizes), share)
            of_columns.append(found)
        of_rows.append([_joined(parts, 2) for parts in zip(*of_columns, strict=True)])
    return [_joined(parts, 1).flatten(0, 2) for parts in zip(*of_rows, strict=True)]


def _parts(length: int, number: int) -> list[tuple[slice, int]]:
    """Where the longer and the shorter ones of the parts of an axis are, and how long.

    They are those of `torch.tensor_split`.
    """
    short, num_long = divmod(length, number)
    border = num_long * (short + 1)
    parts = [(slice(0, border), short + 1), (slice(border, length), short)]
    return parts if num_long else parts[1:]


def _joined(parts: Sequence[Tensor], dim: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=dim)
