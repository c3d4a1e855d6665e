"""FGFI: imitate the teacher only at the anchors that fit the objects best."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ckd_mm.functional._boxes import check_boxes, overlaps
from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._squares import squares

__all__ = ['fgfi_loss', 'fgfi_masks']


def fgfi_loss(
    student: Sequence[Tensor], teacher: Sequence[Tensor], masks: Sequence[Tensor]
) -> Tensor:
    r"""Squared distance of the feature maps of all levels at the masked positions.

    .. math::
        L = \frac{1}{2 P} \sum_{licp} M_{lip} (s_{licp} - t_{licp})^2, \qquad
        P = \sum_{lip} M_{lip}

    "Distilling Object Detectors with Fine-grained Feature Imitation", arXiv:1906.03609,
    as in the authors' code, which has one level. P is the number of masked positions of
    all levels and images together.

    Args:
        student: Feature maps (N, C, H, W) of each level, any real values; get the
            gradient.
        teacher: Feature maps (N, C, H, W) of each level, any real values; detached
            here.
        masks: Mask (N, H, W) of each level, as :func:`fgfi_masks` returns them.

    Returns:
        The sum over channels, the mean over masked positions, halved, >= 0, of shape
        (). Without such positions it is 0 with a graph.

    Raises:
        ValueError: The two maps of a level have different shapes.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import fgfi_loss
        >>> zeros = torch.zeros(1, 2, 1, 2)
        >>> fgfi_loss([zeros], [zeros + 3], [torch.tensor([[[True, False]]])])
        tensor(9.)
    """
    sums, counts = [], []
    levels = zip(student, teacher, masks, strict=True)
    for student_maps, teacher_maps, mask_NHW in levels:
        check_maps(student_maps, teacher_maps)
        sums.append(squares(student_maps, teacher_maps, mask_NHW.flatten(1)).sum())
        counts.append(mask_NHW.sum())
    return torch.stack(sums).sum() / (2 * torch.stack(counts).sum().clamp_min(1))


def fgfi_masks(
    maps: Sequence[Tensor],
    boxes: Sequence[Tensor],
    anchors: Sequence[Tensor],
    *,
    threshold: float = 0.5,
) -> list[Tensor]:
    """Mark the positions of each level with an anchor that fits an object well.

    An anchor counts if its IoU with some box is more than `threshold` times the largest
    IoU of any anchor with this box. With several levels, that is any anchor of any
    level; the authors have one level.

    Args:
        maps: Feature maps (N, C, H, W) of each level, of which only the sizes are used.
        boxes: Ground-truth boxes (G, 4) of each image, x1 y1 x2 y2 in pixels.
        anchors: Anchors (H * W * A, 4) of each level, the A anchors of a position in
            sequence.
        threshold: A number from 0 to below 1.

    Returns:
        One mask (N, H, W) of bool for each level.

    Raises:
        ValueError: The shapes of boxes or anchors do not fit the maps.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import fgfi_masks
        >>> maps = [torch.zeros(1, 8, 1, 3)]
        >>> anchors = [torch.tensor([[0.0, 0, 8, 8], [8, 0, 16, 8], [16, 0, 24, 8]])]
        >>> boxes = [torch.tensor([[1.0, 0.0, 11.0, 8.0]])]  # IoU 7/11, 3/15 and 0
        >>> fgfi_masks(maps, boxes, anchors)
        [tensor([[[ True, False, False]]])]
        >>> fgfi_masks(maps, boxes, anchors, threshold=0.2)
        [tensor([[[ True,  True, False]]])]
    """
    num_images = len(maps[0])
    check_boxes(boxes, num_images)
    sizes = [(level.shape[2], level.shape[3]) for level in maps]
    _check_anchors(anchors, sizes)
    all_anchors = torch.cat(list(anchors))
    near_NA = all_anchors.new_zeros((num_images, len(all_anchors)), dtype=torch.bool)
    for near_A, boxes_G4 in zip(near_NA, boxes, strict=True):
        near_A.copy_(_near(all_anchors, boxes_G4, threshold))
    by_level = near_NA.split([len(level) for level in anchors], dim=1)
    return [
        level.reshape(num_images, *size, level.shape[1] // (size[0] * size[1])).any(3)
        for level, size in zip(by_level, sizes, strict=True)
    ]


def _near(anchors_A4: Tensor, boxes_G4: Tensor, threshold: float) -> Tensor:
    overlaps_AG = overlaps(anchors_A4, boxes_G4)
    return (overlaps_AG > threshold * overlaps_AG.amax(dim=0)).any(dim=1)


def _check_anchors(anchors: Sequence[Tensor], sizes: Sequence[tuple[int, int]]) -> None:
    shapes = [tuple(level.shape) for level in anchors]
    if len(shapes) != len(sizes) or any(
        len(shape) != 2 or shape[1] != 4 or shape[0] % (height * width) != 0
        for shape, (height, width) in zip(shapes, sizes, strict=True)
    ):
        raise ValueError(
            'anchors must be one tensor (H * W * A, 4) per level, for feature maps of '
            f'the sizes {sizes}, got {shapes}; choose all feature maps that the '
            "student's anchors belong to, and no others"
        )
