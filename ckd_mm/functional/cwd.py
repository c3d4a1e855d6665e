"""CWD: for each channel, how its activation is spread over the image."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision

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
    with full_precision(student, teacher) as (student_NCHW, teacher_NCHW):
        if len(student_NCHW) == 0:
            return student_NCHW.sum() * 0.0
        divergence = F.kl_div(
            F.log_softmax(student_NCHW.flatten(2).flatten(0, 1) / temperature, dim=1),
            F.log_softmax(teacher_NCHW.flatten(2).flatten(0, 1) / temperature, dim=1),
            reduction='batchmean',
            log_target=True,
        )
        return divergence * temperature**2
