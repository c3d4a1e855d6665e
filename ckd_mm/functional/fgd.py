"""FGD's focal part: feature maps weighted by objects and the teacher's attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ckd_mm.functional._boxes import check_boxes
from ckd_mm.functional._inputs import check_maps, full_precision

__all__ = ['fgd_focal_loss', 'fgd_masks']


def fgd_focal_loss(
    student: Tensor,
    teacher: Tensor,
    boxes: Sequence[Tensor],
    image_size: tuple[int, int],
    *,
    foreground_weight: float = 1e-3,
    background_weight: float = 5e-4,
    attention_weight: float = 1e-3,
    temperature: float = 0.5,
) -> Tensor:
    r"""Squared distance of one level, weighted by ground truth and teacher attention.

    .. math::
        L = \frac{1}{N} \sum_i \left[ \sum_{cp} (\alpha M_{ip} + \beta \bar M_{ip})
            A^S_{t,ip} A^C_{t,ic} (s_{icp} - t_{icp})^2
            + \gamma \left( \lVert A^S_{s,i} - A^S_{t,i} \rVert_1
            + \lVert A^C_{s,i} - A^C_{t,i} \rVert_1 \right) \right]

        A^S_i = H W\, \mathrm{softmax}_p\! \left( \tfrac{1}{C T} \textstyle\sum_c
            |f_{icp}| \right), \qquad A^C_i = C\, \mathrm{softmax}_c\! \left(
            \tfrac{1}{H W T} \textstyle\sum_p |f_{icp}| \right)

    with the masks M and :math:`\bar M` of :func:`fgd_masks`, and the weights alpha,
    beta and gamma of foreground, background and attention.

    "Focal and Global Knowledge Distillation for Detectors", arXiv:2111.11837. It equals
    the authors' code except for the boxes. The authors scale them by the size of each
    image before padding, which shifts them in a padded batch; here they are scaled by
    the size of the batch. The global part has parameters, see
    :class:`ckd_mm.losses.FGDLoss`.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.
        boxes: Ground-truth boxes (G, 4) of each image, x1 y1 x2 y2 in pixels.
        image_size: Height and width of the padded batch in pixels.
        foreground_weight: alpha; a finite number >= 0.
        background_weight: beta; a finite number >= 0.
        attention_weight: gamma; a finite number >= 0.
        temperature: Divides the attention's activations; a finite number > 0.

    Returns:
        The sum over channels and positions, the mean over images, >= 0, of shape (). An
        empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape, or there is not one
            tensor of boxes per image.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import fgd_focal_loss
        >>> zeros, boxes = torch.zeros(1, 1, 2, 2), [torch.empty(0, 4)]
        >>> fgd_focal_loss(zeros, zeros + 3, boxes, (16, 16), background_weight=1.0)
        tensor(9.)
    """
    check_maps(student, teacher)
    with full_precision(student, teacher) as (student_NCHW, teacher_NCHW):
        foreground_NHW, background_NHW = fgd_masks(student_NCHW, boxes, image_size)
        student_spatial_NHW, student_channel_NC = _attention(student_NCHW, temperature)
        teacher_spatial_NHW, teacher_channel_NC = _attention(teacher_NCHW, temperature)
        squares_NHW = (
            (student_NCHW - teacher_NCHW).square()
            * teacher_channel_NC[:, :, None, None]
        ).sum(dim=1)
        masks_NHW = (
            foreground_weight * foreground_NHW + background_weight * background_NHW
        )
        focal = (masks_NHW * teacher_spatial_NHW * squares_NHW).sum()
        attention = (student_spatial_NHW - teacher_spatial_NHW).abs().sum()
        attention = attention + (student_channel_NC - teacher_channel_NC).abs().sum()
        return (focal + attention_weight * attention) / max(len(student_NCHW), 1)


def fgd_masks(
    maps: Tensor, boxes: Sequence[Tensor], image_size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Foreground and background masks of one level, normalised by area.

    In the foreground mask, a position inside a box has 1 divided by the number of
    positions of that box; if several boxes cover it, the smallest counts. In the
    background mask, a position outside all boxes has 1 divided by the number of such
    positions. Elsewhere both are 0. A box covers the positions from the rounded-down to
    the rounded-up corner, both included, as in the authors' code.

    Args:
        maps: Feature maps (N, C, H, W), of which only size, type and device are used.
        boxes: Ground-truth boxes (G, 4) of each image, x1 y1 x2 y2 in pixels.
        image_size: Height and width of the padded batch in pixels.

    Returns:
        Two masks (N, H, W).

    Raises:
        ValueError: There is not one tensor of boxes per image.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import fgd_masks
        >>> box = torch.tensor([[1.0, 0.0, 15.0, 8.0]])
        >>> foreground, background = fgd_masks(torch.zeros(1, 8, 3, 4), [box], (24, 32))
        >>> foreground
        tensor([[[0.1667, 0.1667, 0.1667, 0.0000],
                 [0.1667, 0.1667, 0.1667, 0.0000],
                 [0.0000, 0.0000, 0.0000, 0.0000]]])
        >>> background[0, 2]
        tensor([0.1667, 0.1667, 0.1667, 0.1667])
    """
    check_boxes(boxes, len(maps))
    height, width = maps.shape[2:]
    dtype = torch.promote_types(maps.dtype, torch.float32)
    foreground_NHW = maps.new_zeros((len(maps), height, width), dtype=dtype)
    for image_HW, boxes_G4 in zip(foreground_NHW, boxes, strict=True):
        if len(boxes_G4) > 0:
            image_HW.copy_(_foreground(boxes_G4.to(dtype), (height, width), image_size))
    background_NHW = (foreground_NHW == 0).to(dtype)
    count_N11 = background_NHW.sum(dim=(1, 2), keepdim=True)
    return foreground_NHW, background_NHW / count_N11.clamp_min(1)


def _foreground(
    boxes_G4: Tensor, size: tuple[int, int], image_size: tuple[int, int]
) -> Tensor:
    rows_GH, height_G = _covered(boxes_G4[:, 1::2], size[0], image_size[0])
    columns_GW, width_G = _covered(boxes_G4[:, 0::2], size[1], image_size[1])
    share_G11 = 1 / (height_G * width_G)[:, None, None]
    return (rows_GH[:, :, None] * columns_GW[:, None, :] * share_G11).amax(dim=0)


def _covered(ends_G2: Tensor, size: int, pixels: int) -> tuple[Tensor, Tensor]:
    """Which rows (or columns) each box covers, and their number."""
    ends_G2 = ends_G2 * (size / pixels)
    first_G1, last_G1 = ends_G2[:, :1].floor(), ends_G2[:, 1:].ceil()
    positions = torch.arange(size, device=ends_G2.device)
    covered = (positions >= first_G1) & (positions <= last_G1)
    return covered.to(ends_G2.dtype), (last_G1 - first_G1 + 1)[:, 0]


def _attention(maps_NCHW: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    strength = maps_NCHW.abs() / temperature
    spatial_NP = strength.mean(dim=1).flatten(1).softmax(dim=1)
    spatial_NHW = spatial_NP.reshape(strength[:, 0].shape) * spatial_NP.shape[1]
    channel_NC = strength.mean(dim=(2, 3)).softmax(dim=1)
    return spatial_NHW, channel_NC * channel_NC.shape[1]
