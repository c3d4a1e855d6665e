"""OFD: imitate features before their ReLU, as far as the ReLU lets them through."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._sizes import pooled_to
from ckd_mm.functional._upcast import wide_dtype

__all__ = ['ofd_loss']


def ofd_loss(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Partial squared distance of one level, to the teacher behind a margin ReLU.

    .. math::
        L = \frac{1}{N} \sum_{icp} [\, s_{icp} > \hat t_{icp}
            \text{ or } \hat t_{icp} > 0 \,]\, (s_{icp} - \hat t_{icp})^2, \qquad
        \hat t_{icp} = \max(t_{icp}, m_c)

    with m_c the mean of the channel's negative values. Where the teacher is negative,
    the student only has to be negative too: the ReLU that follows hides the rest.

    "A Comprehensive Overhaul of Feature Distillation", arXiv:1904.01866. The paper's
    margin is the expectation of the negative values; the authors' code takes it from
    weight and bias of the teacher's last BatchNorm, as if its outputs were Gaussian.
    Here it is the mean over this batch, which needs no BatchNorm and no assumption, and
    varies from batch to batch. A channel without negative values has no margin. As in
    mdistiller, a teacher's map of another size is average-pooled to the student's.

    Args:
        student: Feature maps (N, C, H, W) before their ReLU, any real values; gets the
            gradient.
        teacher: Feature maps (N, C, H', W') before their ReLU, any real values;
            detached here. After a ReLU, all margins are 0.

    Returns:
        The sum over channels and positions, the mean over images, in squared units of
        the maps, >= 0, of shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of the same images and width.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import ofd_loss
        >>> teacher = torch.tensor([[[[2.0, -1.0, -3.0]]]])  # margin -2
        >>> ofd_loss(torch.tensor([[[[2.0, -9.0, -9.0]]]]), teacher)
        tensor(0.)
        >>> ofd_loss(torch.zeros(1, 1, 1, 3), teacher)  # 2^2 + 1^2 + 2^2
        tensor(9.)
    """
    check_maps(student, teacher, any_size=True)
    margin_C11 = _margins(teacher.detach(), wide_dtype(student, teacher))
    if student.shape != teacher.shape:
        with full_precision(student, teacher) as (_, teacher_NCHW):
            size = (student.shape[2], student.shape[3])
            teacher = pooled_to(teacher_NCHW, size)
    errors = _PartialSquares.apply(student, teacher.detach(), margin_C11)
    return errors / max(len(student), 1)


class _PartialSquares(torch.autograd.Function):
    """The sum of the squares that count; both passes compute which do."""

    @staticmethod
    def forward(
        ctx: Any, student: Tensor, teacher: Tensor, margin_C11: Tensor
    ) -> Tensor:
        ctx.save_for_backward(student, teacher, margin_C11)
        return torch.linalg.vector_norm(_gap(student, teacher, margin_C11)).square_()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        student, teacher, margin_C11 = ctx.saved_tensors
        gap_NCHW = _gap(student, teacher, margin_C11).mul_(2 * gradients[0])
        return gap_NCHW.to(student.dtype), None, None


def _gap(student: Tensor, teacher: Tensor, margin_C11: Tensor) -> Tensor:
    """Student minus target where it counts, 0 elsewhere."""
    target_NCHW = torch.maximum(teacher.to(margin_C11.dtype), margin_C11)
    counts = target_NCHW > 0
    gap_NCHW = target_NCHW.neg_().add_(student)
    return gap_NCHW.mul_(counts.logical_or_(gap_NCHW > 0))


def _margins(teacher_NCHW: Tensor, dtype: torch.dtype) -> Tensor:
    """The mean of each channel's negative values; 0 if it has none."""
    total = teacher_NCHW.clamp_max(0).sum(dim=(0, 2, 3), dtype=dtype)
    count = (teacher_NCHW < 0).sum(dim=(0, 2, 3))
    return (total / count.clamp_min(1))[:, None, None]
