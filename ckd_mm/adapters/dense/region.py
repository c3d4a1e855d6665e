"""LD's valuable localisation region: the anchors around the objects of an image.

Shape suffixes: N images, P anchors of an image, G boxes of an image, K candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ckd_mm.adapters.dense.head import DenseHead
from ckd_mm.functional._boxes import overlaps

__all__ = ['in_region', 'why_no_region']

SHARE = 0.25
"""The least measure of an anchor in the region, over the threshold of its box."""


def why_no_region(head: DenseHead) -> str:
    """Why a head has no such region; empty if it has.

    Args:
        head: The student's.
    """
    assigner = getattr(head.module, 'assigner', None)
    names = {one.__name__ for one in type(assigner).__mro__}
    if 'ATSSAssigner' in names and head.anchors:
        return ''
    return (
        'the region is defined by the anchors and the ATSSAssigner of a head such as '
        f"GFL's, and the student has a {type(head.module).__name__} with "
        f'{type(assigner).__name__}'
    )


def in_region(
    head: DenseHead, maps: Sequence[Tensor], samples: Sequence[Any]
) -> Tensor:
    """Which anchors of a batch are in the region, (N, P).

    Args:
        head: The student's.
        maps: Its class maps by level.
        samples: The data samples, with `gt_instances` and `pad_shape`.
    """
    generator, device = head.module.prior_generator, maps[0].device
    sizes = [level.shape[-2:] for level in maps]
    anchors = generator.grid_priors(sizes, device=device)
    found = []
    for sample in samples:
        valid = generator.valid_flags(sizes, sample.pad_shape, device=device)
        boxes = sample.gt_instances.bboxes
        found.append(_of_image(anchors, valid, boxes, head.module.assigner.topk))
    return torch.stack(found)


def _of_image(
    anchors: Sequence[Tensor], valid: Sequence[Tensor], boxes_G4: Tensor, nearest: int
) -> Tensor:
    """Which anchors of an image are in the region, (P,).

    A box has the threshold of ATSS: mean plus standard deviation of its IoU with the
    nearest anchors of each level. In the region of the box are the anchors whose
    measure is below that, and a quarter of it or more.

    Args:
        anchors: By level (A, 4).
        valid: By level (A,), whether they are within the padded image.
        boxes_G4: The boxes.
        nearest: The number of candidates of a level.
    """
    found = [
        _candidates(*level, boxes_G4, nearest)
        for level in zip(anchors, valid, strict=True)
    ]
    iou_KG, counts_KG = (torch.cat(parts) for parts in zip(*found, strict=True))
    number_G = counts_KG.sum(0)
    mean_G = (iou_KG * counts_KG).sum(0) / number_G.clamp_min(1)
    squares_KG = (iou_KG - mean_G).square() * counts_KG
    threshold_G = mean_G + (squares_KG.sum(0) / (number_G - 1).clamp_min(1)).sqrt()
    measure_PG = _measure(torch.cat([*anchors]), boxes_G4)
    is_in_PG = (measure_PG < threshold_G) & (measure_PG >= SHARE * threshold_G)
    return is_in_PG.any(1) & torch.cat([*valid])


def _candidates(
    anchors_A4: Tensor, valid_A: Tensor, boxes_G4: Tensor, nearest: int
) -> tuple[Tensor, Tensor]:
    """IoU with the nearest anchors of a level (K, G), and whether each counts."""
    gaps_AG2 = _centres(anchors_A4)[:, None] - _centres(boxes_G4)
    distance_AG = gaps_AG2.norm(dim=2).masked_fill(~valid_A[:, None], torch.inf)
    number = min(nearest, len(anchors_A4))
    chosen_KG = distance_AG.topk(number, dim=0, largest=False).indices
    counts_KG = valid_A[chosen_KG].to(boxes_G4.dtype)
    return overlaps(anchors_A4, boxes_G4).gather(0, chosen_KG), counts_KG


def _measure(anchors_P4: Tensor, boxes_G4: Tensor) -> Tensor:
    """How well each anchor fits each box (P, G), from -1 to 1.

    The authors' DIoU: the overlap over the anchor's area, where DIoU has both areas,
    minus the squared distance of the centres over that of the corners of both.
    """
    first, last = boxes_G4[:, :2], boxes_G4[:, 2:]
    starts, ends = anchors_P4[:, None, :2], anchors_P4[:, None, 2:]
    inner_PG2 = torch.minimum(ends, last) - torch.maximum(starts, first)
    outer_PG2 = torch.maximum(ends, last) - torch.minimum(starts, first)
    area_P1 = (ends - starts).prod(dim=2).clamp_min(1e-6)
    gaps_PG2 = _centres(anchors_P4)[:, None] - _centres(boxes_G4)
    apart_PG = gaps_PG2.square().sum(2) / outer_PG2.square().sum(2).clamp_min(1e-6)
    return inner_PG2.clamp_min(0).prod(dim=2) / area_P1 - apart_PG


def _centres(boxes: Tensor) -> Tensor:
    return (boxes[:, :2] + boxes[:, 2:]) / 2
