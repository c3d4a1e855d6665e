"""CanKD: instance-normalised maps, the student's behind attention to the teacher's.

Shape suffixes beside the package's: P the H W positions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._moments import Moments, moments

__all__ = ['cankd_loss']

_EPSILON = 1e-5  # added to variances, as BatchNorm and InstanceNorm do


def cankd_loss(
    student: Tensor,
    teacher: Tensor,
    attention: Tensor | None = None,
    shift: Tensor | None = None,
    gain: Tensor | None = None,
) -> Tensor:
    r"""Half the mean squared error of instance-normalised maps of one level.

    .. math::
        L = \frac{1}{2 N C H W} \sum \bigl( \mathrm{IN}(z) - \mathrm{IN}(t) \bigr)^2,
        \qquad z_{ip} = s_{ip} + \gamma \, \mathrm{BN}(A_i s_{ip} + a_i)

    IN subtracts from each channel of each image its mean over positions and divides by
    the root of its variance plus 1e-5. BN does so over images and positions.

    "CanKD: Cross-Attention-based Non-local operation for Feature-based Knowledge
    Distillation", arXiv:2511.21503. Its attention has no softmax, so that it is the
    matrix A of an image, see :class:`ckd_mm.losses.CanKDLoss`. The value is a function
    of means and covariances of channels and computed from them: neither z nor a
    normalised map is made, and memory does not grow with the square of the positions.
    Beside rounding it equals the authors' code (Apache-2.0). The rounding is that of a
    difference of numbers near 1: below about 1e-6 the value says nothing.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.
        attention: The matrices A, (N, C, C); `None` is no attention, z = s. All three
            that follow get a gradient.
        shift: The constants a, (N, C); `None` is 0.
        gain: The factors of BN, (C,); `None` is 1.

    Returns:
        The mean over all entries, without a unit, from 0 to 2, of shape (). An empty
        batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import cankd_loss
        >>> maps = torch.arange(8.0).reshape(2, 1, 2, 2)
        >>> cankd_loss(-maps, maps)
        tensor(2.0000)
        >>> attention = torch.full((2, 1, 1), -1.0)
        >>> cankd_loss(-maps, maps, attention, gain=torch.tensor([9.0]))  # BN turns it
        tensor(0.)
    """
    check_maps(student, teacher)
    found = moments(student, teacher)
    with torch.autocast(student.device.type, enabled=False):
        if attention is None:
            return _distance(found, None)
        scale_C = _batch_norm(found, attention, shift)
        scale_C = scale_C if gain is None else scale_C * gain
        identity_CC = torch.eye(
            len(scale_C), dtype=scale_C.dtype, device=scale_C.device
        )
        return _distance(found, torch.addcmul(identity_CC, scale_C[:, None], attention))


def _batch_norm(found: Moments, attention_NCC: Tensor, shift: Tensor | None) -> Tensor:
    """What BN multiplies each channel of A s + a by, (C,)."""
    images = max(len(attention_NCC), 1)
    variance_NC = (attention_NCC @ found.covariance * attention_NCC).sum(dim=2)
    mean_NC = (attention_NCC @ found.mean[:, :, None]).squeeze(2)
    mean_NC = mean_NC if shift is None else mean_NC + shift
    away_NC = mean_NC - mean_NC.sum(dim=0) / images
    variance_C = torch.addcmul(variance_NC, away_NC, away_NC).sum(dim=0) / images
    return (variance_C.clamp_min(0) + _EPSILON).rsqrt()


def _distance(found: Moments, matrix_NCC: Tensor | None) -> Tensor:
    """The loss for z = matrix s plus a constant, which IN takes away."""
    if matrix_NCC is None:
        variance_NC = found.covariance.diagonal(dim1=1, dim2=2)
        crossed_NC = found.crossed.diagonal(dim1=1, dim2=2)
    else:
        variance_NC = (matrix_NCC @ found.covariance * matrix_NCC).sum(dim=2)
        crossed_NC = (matrix_NCC * found.crossed.mT).sum(dim=2)
    inverse_NC = (variance_NC.clamp_min(0) + _EPSILON).rsqrt()
    of_teacher_NC = (found.teacher_variance + _EPSILON).rsqrt()
    squares_NC = variance_NC * inverse_NC.square()
    squares_NC = squares_NC + found.teacher_variance * of_teacher_NC.square()
    gaps_NC = squares_NC - 2 * crossed_NC * inverse_NC * of_teacher_NC
    return gaps_NC.clamp_min(0).sum() / (2 * max(gaps_NC.numel(), 1))
