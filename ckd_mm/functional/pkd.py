"""PKD: feature maps with each channel standardised."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._standardize import standardized

__all__ = ['pkd_loss']


def pkd_loss(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Half the mean squared error of the standardised maps of one level.

    .. math::
        L = \frac{1}{2 N C H W} \sum (\hat s - \hat t)^2, \qquad
        \hat f_c = \frac{f_c - \mathrm{mean}(f_c)}{\mathrm{std}(f_c) + 10^{-6}}

    with mean and standard deviation (unbiased) of each channel over images and
    positions. With n = N H W, it is (n - 1) / n times the mean over channels of one
    minus Pearson's correlation.

    "PKD: General Distillation Framework for Object Detectors via Pearson Correlation
    Coefficient", arXiv:2207.02039. It equals mmrazor's `PKDLoss` of one level; a
    constant channel becomes zeros and gets no gradient here.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.

    Returns:
        The mean over all entries, without a unit, from 0 to 2, of shape (). An empty
        batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import pkd_loss
        >>> maps = torch.arange(8.0).reshape(2, 1, 2, 2)
        >>> pkd_loss(5 * maps + 1, maps) < 1e-6
        tensor(True)
        >>> pkd_loss(-maps, maps)  # 2 * 7 / 8, as the deviation is unbiased
        tensor(1.7500)
    """
    check_maps(student, teacher)
    with full_precision(student, teacher) as (student_NCHW, teacher_NCHW):
        if len(student_NCHW) == 0:
            return student_NCHW.sum() * 0.0
        return F.mse_loss(_by_channel(student_NCHW), _by_channel(teacher_NCHW)) / 2


def _by_channel(maps_NCHW: Tensor) -> Tensor:
    return standardized(maps_NCHW.transpose(0, 1).flatten(1), epsilon=1e-6)
