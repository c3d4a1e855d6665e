"""AT: where in the image the network is active."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._sizes import of_smaller_size
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['at_loss']


def at_loss(student: Tensor, teacher: Tensor, *, p: float = 2.0) -> Tensor:
    r"""Squared difference of the attention maps of one level.

    .. math::
        L = \frac{1}{N H W} \sum_i \left\lVert \frac{a_{s,i}}{\lVert a_{s,i} \rVert}
            - \frac{a_{t,i}}{\lVert a_{t,i} \rVert} \right\rVert^2, \qquad
        a_i = \frac{1}{C} \sum_c |f_{ic}|^p \in \mathbb{R}^{H W}

    "Paying More Attention to Attention", arXiv:1612.03928. It equals mdistiller's
    `at_loss` of one level: the larger map is average-pooled to the smaller size, per
    axis. An image whose map is zero gets no gradient here.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C', H', W'), any real values; detached here.
        p: Exponent; a finite number >= 1. A larger one looks at the strongest
            positions only.

    Returns:
        The mean over images and positions, without a unit, from 0 to 2 / (H W), of
        shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of the same number of images.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import at_loss
        >>> left, right = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 1.0]]]])
        >>> at_loss(left, right)
        tensor(1.)
        >>> at_loss(left, torch.cat([5 * left, left], dim=1))
        tensor(0.)
    """
    check_maps(student, teacher, any_channels=True, any_size=True)
    with full_precision(student, teacher) as (student_NCHW, teacher_NCHW):
        if len(student_NCHW) == 0:
            return student_NCHW.sum() * 0.0
        student_NCHW, teacher_NCHW = of_smaller_size(student_NCHW, teacher_NCHW)
        return F.mse_loss(_attention(student_NCHW, p), _attention(teacher_NCHW, p))


def _attention(maps_NCHW: Tensor, p: float) -> Tensor:
    return unit_vectors(maps_NCHW.abs().pow(p).mean(dim=1).flatten(1))
