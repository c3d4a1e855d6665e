"""VID: how likely the teacher's features are, given the student's."""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._rows import Reduction, reduced
from ckd_mm.functional._squares import squares

__all__ = ['vid_loss']


def vid_loss(
    student: Tensor,
    teacher: Tensor,
    variance: Tensor,
    *,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Negative log-likelihood of the teacher's maps of one level under Gaussians.

    .. math::
        L = \frac{1}{2 N C H W} \sum_{icp} \left[
            \frac{(t_{icp} - \mu_{icp})^2}{\sigma_c^2} + \log \sigma_c^2 \right]

    with the means mu predicted from the student and one variance per channel.
    Minimising it raises a lower bound of the mutual information of the two networks.

    "Variational Information Distillation for Knowledge Transfer", arXiv:1904.05835,
    without the constant log(2 pi) / 2, as in the public code. The trained modules are
    in :class:`ckd_mm.losses.VIDLoss`.

    Args:
        student: The means (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.
        variance: One number > 0 per channel (C,); gets a gradient as well.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over all entries, in nats, of any sign, of shape (). An empty batch
        gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape, or the variances are
            not (C,).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import vid_loss
        >>> zeros = torch.zeros(1, 1, 2, 2)
        >>> vid_loss(zeros, zeros + 3, torch.tensor([1.0]))
        tensor(4.5000)
        >>> vid_loss(zeros, zeros + 3, torch.tensor([9.0]))  # (1 + log 9) / 2
        tensor(1.5986)
    """
    check_maps(student, teacher)
    if variance.shape != student.shape[1:2]:
        raise ValueError(
            'variance must have one number per channel of the maps '
            f'{tuple(student.shape)}, got {tuple(variance.shape)}'
        )
    squares_NC = squares(student, teacher)
    variance_C = variance.to(squares_NC.dtype)
    errors_N = (squares_NC / variance_C).sum(dim=1) / student.shape[1:].numel()
    return reduced((errors_N + variance_C.log().mean()) / 2, reduction)
