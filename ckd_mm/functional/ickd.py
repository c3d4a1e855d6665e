"""ICKD: how the channels of an image go together.

Shape suffixes beside the package's: D channels of a student that is projected.
"""

from __future__ import annotations

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
    student: Tensor, teacher: Tensor, projection: Projection | None = None
) -> Tensor:
    r"""Squared distance of the rows of the channels' products of one level.

    .. math::
        L = \frac{1}{N C} \sum_{ic} \left\|
            \frac{G(f)_{ic}}{\|G(f)_{ic}\|} - \frac{G(t)_{ic}}{\|G(t)_{ic}\|}
            \right\|^2, \qquad G(f)_{icd} = \sum_p f_{icp} f_{idp}

    with f the student's maps behind the projection.

    "Exploring Inter-Channel Correlation for Diversity-preserved Knowledge
    Distillation", arXiv:2202.03680, its form for classification, ICKD-C. Written from
    the formula, as the authors' code has no licence. The products of projected maps are
    computed from means and covariances of the student's channels: no projected map is
    made. A row shorter than 1e-12 has no direction and no gradient.

    Args:
        student: Feature maps (N, C, H, W), or (N, D, H, W) with a projection, any real
            values; gets the gradient.
        teacher: Feature maps (N, C, H', W'), any real values; detached here. The sizes
            may differ.
        projection: What brings the student to the teacher's channels; its tensors get a
            gradient as well.

    Returns:
        The mean over channels, without a unit, from 0 to 4, of shape (). An empty batch
        gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of the same images and channels.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import ickd_loss
        >>> student = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # apart
        >>> ickd_loss(student, torch.ones(1, 2, 1, 2))  # 2 - 2 cos 45 degrees
        tensor(0.5858)
    """
    check_maps(student, teacher, any_channels=projection is not None, any_size=True)
    with torch.autocast(student.device.type, enabled=False):
        student_NCC = unit_vectors(_products(student, projection))
        teacher_NCC = unit_vectors(_products(teacher.detach()))
        rows = max(student_NCC.shape[0] * student_NCC.shape[1], 1)
        return (student_NCC - teacher_NCC).square().sum() / rows


def _products(maps: Tensor, projection: Projection | None = None) -> Tensor:
    """The mean products of all pairs of channels over the positions (N, C, C)."""
    mean_NC, covariance_NCC = mean_and_covariance(maps)
    if projection is not None:
        weight_CD, scale_C, shift_C = projection
        mean_NC = mean_NC @ weight_CD.T
        covariance_NCC = weight_CD @ covariance_NCC @ weight_CD.T
        images = max(len(mean_NC), 1)
        away_NC = mean_NC - mean_NC.sum(dim=0) / images
        within_NC = covariance_NCC.diagonal(dim1=1, dim2=2)
        variance_C = (within_NC + away_NC.square()).sum(dim=0) / images
        factor_C = scale_C * (variance_C.clamp_min(0) + _EPSILON).rsqrt()
        mean_NC = factor_C * away_NC + shift_C
        covariance_NCC = factor_C[:, None] * covariance_NCC * factor_C
    return covariance_NCC + mean_NC[:, :, None] * mean_NC[:, None]
