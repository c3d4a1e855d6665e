"""MGD: generate the teacher's features from a masked student."""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._squares import squares

__all__ = ['mgd_loss']


def mgd_loss(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Squared distance of the feature maps of one level, summed over each image.

    .. math::
        L = \frac{1}{N} \sum_{icp} (s_{icp} - t_{icp})^2

    The loss of "Masked Generative Distillation", arXiv:2205.01529, as in the authors'
    code. Masking and generation are in :class:`ckd_mm.losses.MGDLoss`.

    Args:
        student: Maps (N, C, H, W) generated from the student's, any real values; gets
            the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.

    Returns:
        The sum over channels and positions, the mean over images, in squared units of
        the maps, >= 0, of shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import mgd_loss
        >>> zeros = torch.zeros(2, 1, 2, 2)
        >>> mgd_loss(zeros, zeros + 3)
        tensor(36.)
    """
    check_maps(student, teacher)
    return squares(student, teacher).sum() / max(len(student), 1)
