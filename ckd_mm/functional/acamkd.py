"""ACAM-KD: distances of features under masks of channels and of positions.

Shape suffixes beside the package's: M masks, P the H W positions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision

__all__ = ['acamkd_loss', 'mask_diversity']

_SMALLEST = 1e-12  # a sigmoid far below 0 is 0 in float32


def acamkd_loss(
    student: Tensor,
    teacher: Tensor,
    channel_masks_NMC: Tensor,
    spatial_masks_NMP: Tensor,
) -> Tensor:
    r"""Squared distance of masked feature maps, each mask in units of its sum.

    .. math::
        L = \frac{1}{N M} \sum_{im} \Bigl(
            \frac{\sum_{cp} (A_{imc} d_{icp})^2}{H W \sum_c A_{imc}} +
            \frac{\sum_{cp} (B_{imp} d_{icp})^2}{C \sum_p B_{imp}} \Bigr),
        \qquad d = t - s

    The distance of "ACAM-KD: Adaptive and Cooperative Attention Masking for Knowledge
    Distillation", arXiv:2503.06307, with masks A of channels and B of positions, which
    :class:`ckd_mm.losses.ACAMKDLoss` learns. There was no public code to compare with.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.
        channel_masks_NMC: M masks of channels, between 0 and 1; get the gradient.
        spatial_masks_NMP: M masks of positions, between 0 and 1; get the gradient.

    Returns:
        The mean over images and masks, in squared units of the maps, >= 0, of shape ().
        An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import acamkd_loss
        >>> maps, masks = torch.zeros(1, 2, 1, 3), torch.ones(1, 4, 3)
        >>> acamkd_loss(maps, maps + 2, masks[..., :2], masks)
        tensor(8.)
    """
    check_maps(student, teacher)
    with full_precision(student, teacher) as (student_NCHW, teacher_NCHW):
        squares_NCP = (student_NCHW - teacher_NCHW).square().flatten(2)
        channels, positions = squares_NCP.shape[1:]
        of_channels = squares_NCP.sum(dim=2) * _weights(channel_masks_NMC)
        of_positions = squares_NCP.sum(dim=1) * _weights(spatial_masks_NMP)
        total = of_channels.sum() / positions + of_positions.sum() / channels
        return total / max(len(student), 1)


def mask_diversity(masks_NME: Tensor) -> Tensor:
    r"""How much the masks of each image are alike: their mean Dice coefficient.

    .. math::
        \frac{1}{N M (M - 1)} \sum_i \sum_{m \ne n}
            \frac{2 \, a_{im} \cdot a_{in}}{\| a_{im} \|^2 + \| a_{in} \|^2}

    Args:
        masks_NME: M masks of E entries of each image, >= 0; get the gradient.

    Returns:
        The mean over images and pairs of masks, from 0 to 1, of shape (); 0 for one
        mask, and for an empty batch.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import mask_diversity
        >>> mask_diversity(torch.tensor([[[1.0, 1.0], [1.0, 1.0]]]))
        tensor(1.)
    """
    products_NMM = masks_NME @ masks_NME.mT
    lengths_NM = masks_NME.square().sum(dim=2)
    lengths_NMM = lengths_NM[:, :, None] + lengths_NM[:, None, :]
    dice_NMM = 2 * products_NMM / lengths_NMM.clamp_min(_SMALLEST)
    number = masks_NME.shape[1]
    different = 1 - torch.eye(number, dtype=dice_NMM.dtype, device=dice_NMM.device)
    pairs = max(len(masks_NME) * number * (number - 1), 1)
    return (dice_NMM * different).sum() / pairs


def _weights(masks_NME: Tensor) -> Tensor:
    """The weight (N, E) of each entry's squares, the mean over the masks."""
    sums_NM1 = masks_NME.sum(dim=2, keepdim=True).clamp_min(_SMALLEST)
    return (masks_NME.square() / sums_NM1).mean(dim=1)
