"""Mimic: imitate the teacher's features of regions."""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._rows import Reduction
from ckd_mm.functional.fitnet import fitnet_loss

__all__ = ['mimic_loss']


def mimic_loss(
    student: Tensor, teacher: Tensor, *, reduction: Reduction = 'mean'
) -> Tensor:
    r"""Half the squared distance of the features of regions, by feature.

    .. math::
        L = \frac{1}{2 R} \sum_i \frac{1}{C H W} \| s_i - t_i \|^2

    "Mimicking Very Efficient Network for Object Detection" (CVPR 2017), with R regions,
    pooled to one size. It is half of :func:`fitnet_loss`. The transform layer that
    brings the student's features to the teacher's width is in
    :class:`ckd_mm.losses.MimicLoss`. If the maps differ in size, the larger one is
    average-pooled to the smaller size, per axis. There was no public code to compare
    with.

    Args:
        student: Features (R, C, H, W) of R regions, any real values; gets the gradient.
        teacher: The teacher's of the same regions, (R, C, H', W'); detached here.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over regions and features, in squared units of the features, >= 0, of
        shape (). No regions give 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of the same regions and width.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import mimic_loss
        >>> zeros = torch.zeros(2, 1, 7, 7)
        >>> mimic_loss(zeros, zeros + 2)
        tensor(2.)
    """
    return fitnet_loss(student, teacher, reduction=reduction) / 2
