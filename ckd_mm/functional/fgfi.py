"""FGFI: imitate the teacher only where the anchors lie that fit the objects best."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ckd_mm.functional._boxes import check_boxes, overlaps
from ckd_mm.functional._inputs import check_maps, full_precision

__all__ = ['fgfi_loss', 'fgfi_masks']


def fgfi_loss(
    student: Sequence[Tensor], teacher: Sequence[Tensor], masks: Sequence[Tensor]
) -> Tensor:
    r"""Squared distance of the feature maps of all levels at the masked positions.

    .. math::
        L = \frac{1}{2 P} \sum_{licp} M_{lip} (s_{licp} - t_{licp})^2, \qquad
        P = \sum_{lip} M_{lip}

    "Distilling Object Detectors with Fine-grained Feature Imitation",
    arXiv:1906.03609, as in the authors' code, which has one level. The number of
    positions P is that of all levels and images together.

    Args:
        student: By level, feature maps (N, C, H, W), any real values; get the gradient.
        teacher: By level, feature maps (N, C, H, W), any real values; detached here.
        masks: By level, what :func:`fgfi_masks` gives, (N, H, W).

    Returns:
        The sum over channels, the mean over masked positions, halved, >= 0, of shape
        (). 0 with a graph if there are no such positions.

    Raises:
        ValueError: Two maps of a level are not of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import fgfi_loss
        >>> zeros = torch.zeros(1, 2, 1, 2)
        >>> fgfi_loss([zeros], [zeros + 3], [torch.tensor([[[True, False]]])])
        tensor(9.)
    """
    sums, counts = [], []
    for own, wanted, mask_NHW in zip(student, teacher, masks, strict=True):
        check_maps(own, wanted)
        with full_precision(own, wanted) as (student_NCHW, teacher_NCHW):
            squares_NHW = (student_NCHW - teacher_NCHW).square().sum(dim=1)
            sums.append((squares_NHW * mask_NHW).sum())
            counts.append(mask_NHW.sum())
    return torch.stack(sums).sum() / (2 * torch.stack(counts).sum().clamp_min(1))


def fgfi_masks(
    maps: Sequence[Tensor],
    boxes: Sequence[Tensor],
    anchors: Sequence[Tensor],
    *,
    threshold: float = 0.5,
) -> list[Tensor]:
    """By level, the positions with an anchor that overlaps an object nearly best.

    An anchor counts whose IoU with some box is more than `threshold` times the largest
    that any anchor has with this box. With several levels, that is any anchor of any
    level (ours; the authors have one level).

    Args:
        maps: By level, feature maps (N, C, H, W), whose sizes count.
        boxes: Of each image (G, 4), its ground truth x1 y1 x2 y2 in pixels.
        anchors: By level (H * W * A, 4), the A anchors of a position side by side.
        threshold: A number from 0 to below 1.

    Returns:
        By level (N, H, W) of bool.

    Raises:
        ValueError: Boxes or anchors are of other shapes than the maps need.

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
            'anchors must be (H * W * A, 4) by level, for feature maps of the sizes '
            f"{sizes}, got {shapes}; choose the maps that the student's anchors belong "
            'to, all of them'
        )
