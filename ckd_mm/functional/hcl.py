"""HCL: ReviewKD's hierarchical context loss, a squared error at several resolutions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision

__all__ = ['hcl_loss']

_POOLED_SIZES = (4, 2, 1)


def hcl_loss(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Mean squared errors of one level, at full size and pooled.

    .. math::
        L = \frac{\sum_k 2^{-k} \mathrm{MSE}(\mathrm{pool}_k(s), \mathrm{pool}_k(t))}
            {\sum_k 2^{-k}}

    with pool_0 the identity and the others average pooling to those of 4 x 4, 2 x 2 and
    1 x 1 that are smaller than the height of the map.

    The loss of "Distilling Knowledge via Knowledge Review", arXiv:2104.09044, as in the
    authors' code. The paper first fuses the student's levels; that is not part of this
    function.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.

    Returns:
        The weighted mean of the errors, in squared units of the maps, >= 0, of shape
        (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import hcl_loss
        >>> zeros = torch.zeros(1, 1, 2, 2)
        >>> hcl_loss(zeros, zeros + 3)
        tensor(9.)
        >>> hcl_loss(zeros, torch.tensor([[[[1.0, -1.0], [-1.0, 1.0]]]]))  # 1 / 1.5
        tensor(0.6667)
    """
    check_maps(student, teacher)
    with full_precision(student, teacher) as (student_NCHW, teacher_NCHW):
        if len(student_NCHW) == 0:
            return student_NCHW.sum() * 0.0
        errors = [F.mse_loss(student_NCHW, teacher_NCHW)]
        for size in _POOLED_SIZES:
            if size < student.shape[2]:
                errors.append(_pooled_error(student_NCHW, teacher_NCHW, size))
        weights = [0.5**level for level in range(len(errors))]
        weighted = [w * error for w, error in zip(weights, errors, strict=True)]
        return torch.stack(weighted).sum() / sum(weights)


def _pooled_error(student_NCHW: Tensor, teacher_NCHW: Tensor, size: int) -> Tensor:
    # Pooling is linear: the difference is pooled once instead of both maps.
    difference = F.adaptive_avg_pool2d(student_NCHW - teacher_NCHW, size)
    return difference.square().mean()
