"""FD, feature distillation: the teacher's tokens, each one standardised."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._padding import Shapes, Size, mean_inside

__all__ = ['fd_loss']


def fd_loss(
    student: Tensor,
    teacher: Tensor,
    image_shapes: Shapes | None = None,
    image_size: Size | None = None,
    *,
    distance: str = 'smooth_l1',
    beta: float = 2.0,
) -> Tensor:
    r"""Distance of the student's features and the teacher's standardised ones.

    .. math::
        L = \frac{1}{N C H W} \sum_{ipc} d(s_{ipc} - \hat t_{ipc}), \qquad
        \hat t_{ip} = \frac{t_{ip} - \mathrm{mean}(t_{ip})}
            {\sqrt{\mathrm{var}(t_{ip}) + 10^{-5}}}

    with mean and variance over the channels of each position, which is LayerNorm
    without weights, and d(x) the square of x, or its smooth L1: x^2 / (2 beta) up to
    beta and \|x\| - beta / 2 beyond.

    "Contrastive Learning Rivals Masked Image Modeling in Fine-tuning via Feature
    Distillation", arXiv:2205.14141. It equals the authors' code
    (SwinTransformer/Feature-Distillation, smooth L1 of beta 2) behind its projection,
    which is in :class:`ckd_mm.losses.FDLoss`. Positions whose centre lies in the
    padding of the batch are left out.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.
        image_shapes: Height and width of each image before padding, in pixels; `None`
            is no padding.
        image_size: Height and width of the padded batch, in pixels.
        distance: 'smooth_l1' or 'mse'.
        beta: Where smooth L1 becomes linear; a finite number > 0.

    Returns:
        The mean over all entries, in deviations of the teacher's channels or their
        squares, >= 0, of shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import fd_loss
        >>> student = torch.zeros(1, 2, 1, 1)
        >>> teacher = torch.tensor([5.0, 9.0]).reshape(1, 2, 1, 1)  # becomes -1 and 1
        >>> fd_loss(student, teacher)
        tensor(0.2500)
        >>> fd_loss(student, teacher, distance='mse')
        tensor(1.0000)
    """
    check_maps(student, teacher)
    with full_precision(student, teacher) as (student_NCHW, teacher_NCHW):
        teacher_NCHW = F.layer_norm(
            teacher_NCHW.movedim(1, -1), teacher_NCHW.shape[1:2]
        ).movedim(-1, 1)
        if distance == 'mse':
            each = F.mse_loss(student_NCHW, teacher_NCHW, reduction='none')
        else:
            each = F.smooth_l1_loss(
                student_NCHW, teacher_NCHW, reduction='none', beta=beta
            )
        return mean_inside(each.mean(dim=1), image_shapes, image_size)
