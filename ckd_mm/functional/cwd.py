"""CWD: for each channel, how its activation is spread over the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._upcast import wide_dtype

__all__ = ['cwd_loss']


def cwd_loss(student: Tensor, teacher: Tensor, *, temperature: float = 1.0) -> Tensor:
    r"""Divergence of the spatial distributions of each channel of one level.

    .. math::
        L = \frac{T^2}{N C} \sum_{ic} \mathrm{KL}(q_{t,ic} \,\|\, q_{s,ic}), \qquad
        q_{ic} = \mathrm{softmax}_{hw}(f_{ic} / T)

    "Channel-wise Knowledge Distillation for Dense Prediction", arXiv:2011.13256. It
    equals mmrazor's `ChannelWiseDivergence`.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.
        temperature: Divides both maps; a finite number > 0.

    Returns:
        The mean over images and channels, in nats times T^2, >= 0, of shape (). An
        empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import cwd_loss
        >>> teacher = torch.tensor([[[[8.0, 0.0]]]])
        >>> cwd_loss(torch.zeros(1, 1, 1, 2), teacher, temperature=4.0)
        tensor(5.2450)
        >>> cwd_loss(teacher + 1, teacher)
        tensor(0.)
    """
    check_maps(student, teacher)
    divergence = _Divergence.apply(student, teacher.detach(), temperature)
    num_channels = len(student) * student.shape[1]
    return divergence * (temperature**2 / max(num_channels, 1))


class _Divergence(torch.autograd.Function):
    """The sum over images and channels; both passes compute the distributions."""

    @staticmethod
    def forward(
        ctx: Any, student: Tensor, teacher: Tensor, temperature: float
    ) -> Tensor:
        ctx.save_for_backward(student, teacher)
        ctx.temperature = temperature
        student_NCP, teacher_NCP = (
            logits.log_softmax(dim=2)
            for logits in _logits(student, teacher, temperature)
        )
        log_ratio_NCP = student_NCP.neg_().add_(teacher_NCP)
        return teacher_NCP.exp_().mul_(log_ratio_NCP).sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        student, teacher = ctx.saved_tensors
        student_NCP, teacher_NCP = (
            logits.softmax(dim=2)
            for logits in _logits(student, teacher, ctx.temperature)
        )
        gradient_NCP = teacher_NCP.sub_(student_NCP)
        gradient_NCP.mul_(gradients[0] * (-1 / ctx.temperature))
        return gradient_NCP.reshape(student.shape).to(student.dtype), None, None


def _logits(student: Tensor, teacher: Tensor, temperature: float) -> Iterator[Tensor]:
    dtype = wide_dtype(student, teacher)
    for maps in (student, teacher):
        logits_NCP = maps.flatten(2).to(dtype)
        yield logits_NCP if temperature == 1 else logits_NCP / temperature
