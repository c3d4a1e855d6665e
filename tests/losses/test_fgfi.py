"""FGFI beside what all losses with parameters share."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import fgfi_loss, fgfi_masks
from ckd_mm.functional._boxes import overlaps
from ckd_mm.losses import FGFILoss

from .samples import draw_anchors

SIZES = ((4, 6), (2, 3))
IMAGE = (32, 48)
ANCHORS = tuple(draw_anchors(size, IMAGE) for size in SIZES)
BOX = torch.tensor([[10.0, 9.0, 23.0, 22.0]])  # 13 x 13 around (16.5, 15.5)


def maps(images: int = 1) -> list[Tensor]:
    return [torch.randn(images, 8, *size) for size in SIZES]


def test_overlaps_are_intersections_over_unions() -> None:
    anchors = torch.tensor([[0.0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 5, 5]])
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 5.0, 5.0]])
    wanted = torch.tensor([[1.0, 0.0], [1 / 7, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(overlaps(anchors, boxes), wanted)


def test_positions_with_anchors_near_the_best_overlap_are_taken() -> None:
    (mask,) = fgfi_masks(maps()[:1], [BOX], ANCHORS[:1])
    wanted = torch.zeros(1, 4, 6, dtype=torch.bool)
    wanted[0, 1:3, 1:3] = True  # centres 12 and 20, within 5 pixels of the box's
    assert torch.equal(mask, wanted)


def test_the_best_anchor_is_that_of_all_levels() -> None:
    fine, coarse = fgfi_masks(maps(), [BOX], ANCHORS)
    assert fine.any()
    exact = torch.cat([ANCHORS[1][:-1], BOX])
    fine, coarse = fgfi_masks(maps(), [BOX], (ANCHORS[0], exact), threshold=0.9)
    assert not fine.any()
    assert coarse.nonzero().tolist() == [[0, 1, 2]]


def test_each_box_has_a_best_anchor_of_its_own() -> None:
    poor = torch.tensor([[40.0, 2.0, 42.0, 4.0]])
    apart = [fgfi_masks(maps(), [box], ANCHORS)[0] for box in (BOX, poor)]
    (both, _) = fgfi_masks(maps(), [torch.cat([BOX, poor])], ANCHORS)
    assert apart[1].any()
    assert torch.equal(both, apart[0] | apart[1])


def test_images_keep_their_own_boxes() -> None:
    none = torch.zeros(0, 4)
    for mask in fgfi_masks(maps(3), [none, BOX, none], ANCHORS):
        assert not mask[[0, 2]].any()
        assert mask[1].any()


def test_the_loss_is_a_mean_over_the_positions_of_all_levels_and_images() -> None:
    student = [torch.zeros(2, 3, 1, 2), torch.zeros(2, 3, 1, 1)]
    teacher = [torch.full_like(student[0], 2.0), torch.full_like(student[1], 4.0)]
    first = torch.tensor([[[True, False]], [[False, False]]])
    second = torch.tensor([[[False]], [[True]]])
    assert fgfi_loss(student, teacher, [first, second]) == 3 * (4 + 16) / (2 * 2)


def test_a_batch_without_boxes_gives_zero_and_keeps_the_graph() -> None:
    loss = FGFILoss([8, 8], [8, 8])
    value = loss(maps(2), maps(2), [torch.zeros(0, 4)] * 2, ANCHORS)
    assert value == 0
    value.backward()
    assert all(parameter.grad is not None for parameter in loss.parameters())


def test_anchors_of_other_maps_are_named() -> None:
    with pytest.raises(ValueError) as error:
        fgfi_masks(maps()[:1], [BOX], ANCHORS)
    assert str(error.value) == (
        'anchors must be one tensor (H * W * A, 4) per level, for feature maps of the '
        'sizes [(4, 6)], got [(48, 4), (12, 4)]; choose all feature maps that the '
        "student's anchors belong to, and no others"
    )
    with pytest.raises(ValueError, match='anchors must be'):
        fgfi_masks(maps(), [BOX], ANCHORS[::-1])


def test_boxes_of_other_images_are_named() -> None:
    with pytest.raises(ValueError, match=r'each of the 2 images, got \[\(1, 4\)\]'):
        fgfi_masks(maps(2), [BOX], ANCHORS)
