"""Labels in place of what a teacher says of images of which it is not sure."""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.functional._inputs import full_precision
from ckd_mm.functional._labels import label_weights

__all__ = ['calibrated_logits']


@torch.no_grad()
def calibrated_logits(
    teacher: Tensor, target: Tensor, *, below: float, smoothing: float = 0.1
) -> Tensor:
    r"""A teacher's logits, and those of the smoothed label where it is not sure.

    .. math::
        z'_i = \log((1 - \epsilon) \, y_i + \epsilon / C)
        \quad \text{where} \; \max_c p_{i,c} < \beta, \qquad \text{else} \; z_i

    FerKD (arXiv:2312.17473) treats crops like this, whose label the teacher does not
    find. Its code for that is not public, and the thresholds were not found.

    Args:
        teacher: Logits (B, C).
        target: Class indices (B,), or soft labels (B, C).
        below: The probability beta, from 0 to 1.
        smoothing: The share epsilon of all classes together, > 0 and < 1.

    Returns:
        Logits (B, C) of the teacher's type.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import calibrated_logits
        >>> logits = torch.tensor([[3.0, 0.0], [0.1, 0.0]])
        >>> found = calibrated_logits(logits, torch.tensor([1, 1]), below=0.6)
        >>> found.softmax(1)
        tensor([[0.9526, 0.0474],
                [0.0500, 0.9500]])
    """
    share_BC = label_weights(target, len(teacher), teacher.shape[1])
    with full_precision(teacher, teacher) as (_, teacher_BC):
        is_sure_B1 = teacher_BC.softmax(dim=1).amax(dim=1, keepdim=True) >= below
        smoothed_BC = (1 - smoothing) * share_BC + smoothing / teacher.shape[1]
        return torch.where(is_sure_B1, teacher_BC, smoothed_BC.log()).to(teacher.dtype)
