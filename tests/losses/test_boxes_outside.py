"""Ground-truth boxes that leave the image: what is outside of it does not count."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import boxioukd_loss, fgd_masks, fgfi_masks
from ckd_mm.registry import LOSSES as REGISTRY
from ckd_mm.registry import build

from .battery import LOSSES
from .samples import draw_anchors

IMAGE = (32, 48)
MAP = (4, 6)
INSIDE = [10.0, 9.0, 23.0, 22.0]
BOXES = {
    'beyond the first corner': [-20.0, -30.0, 15.0, 14.0],
    'beyond the last corner': [30.0, 20.0, 90.0, 70.0],
    'around the image': [-1e4, -1e4, 1e4, 1e4],
    'outside': [3000.0, 3000.0, 3100.0, 3200.0],
    'outside on the other side': [-3100.0, -3200.0, -3000.0, -3000.0],
    'empty at the edge': [48.0, 32.0, 48.0, 32.0],
}
OF_BOXES = [
    row.class_name
    for row in LOSSES
    if 'boxes'
    in inspect.signature(REGISTRY.module_dict[row.class_name].forward).parameters
]
EACH_BOX = pytest.mark.parametrize('box', BOXES.values(), ids=BOXES)


def test_both_losses_of_boxes_are_here() -> None:
    assert OF_BOXES == ['FGDLoss', 'FGFILoss']


def value_and_gradient(name: str, *boxes: list[float]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 1, 8, *MAP, generator=generator)
    student.requires_grad_()
    torch.manual_seed(0)
    loss: Any = build(REGISTRY, dict(type=name, student_channels=8, teacher_channels=8))
    given = {
        'boxes': [torch.tensor(boxes).reshape(-1, 4)],
        'image_size': IMAGE,
        'anchors': [draw_anchors(MAP, IMAGE)],
    }
    takes = inspect.signature(loss.forward).parameters
    more = {key: one for key, one in given.items() if key in takes}
    value = loss(student, teacher, **more)
    return value, torch.autograd.grad(value, student)[0]


@EACH_BOX
@pytest.mark.parametrize('name', OF_BOXES)
def test_value_and_gradient_are_finite(name: str, box: list[float]) -> None:
    for boxes in ([box], [INSIDE, box], [box, box, INSIDE]):
        for found in value_and_gradient(name, *boxes):
            assert found.isfinite().all()


@pytest.mark.parametrize('name', OF_BOXES)
@pytest.mark.parametrize('where', [where for where in BOXES if 'outside' in where])
def test_a_box_outside_changes_nothing(name: str, where: str) -> None:
    alone = value_and_gradient(name, INSIDE)
    assert alone[0] != value_and_gradient(name)[0]
    for found, expected in zip(
        value_and_gradient(name, INSIDE, BOXES[where]), alone, strict=True
    ):
        torch.testing.assert_close(found, expected)


@EACH_BOX
def test_fgd_covers_the_positions_of_the_part_inside(box: list[float]) -> None:
    height, width = IMAGE
    part = torch.tensor([box])
    part[:, 0::2].clamp_(0, width)
    part[:, 1::2].clamp_(0, height)
    if part[0, 2] <= part[0, 0]:
        part = part[:0]
    maps = torch.zeros(1, 8, *MAP)
    found, expected = (
        fgd_masks(maps, [boxes], IMAGE)[0][0] for boxes in (torch.tensor([box]), part)
    )
    assert torch.equal(found > 0, expected > 0)


def test_fgfi_takes_anchors_near_the_part_inside() -> None:
    maps, anchors = [torch.zeros(1, 8, *MAP)], [draw_anchors(MAP, IMAGE)]
    boxes = [torch.tensor([BOXES['beyond the first corner']])]
    (mask,) = fgfi_masks(maps, boxes, anchors)
    assert mask[0, 0, 0]
    assert not mask[0, 2:].any()
    assert not mask[0, :, 3:].any()


@pytest.mark.parametrize('mode', ['iou', 'giou'])
def test_the_overlap_of_boxes_does_not_know_the_image(mode: str) -> None:
    student, teacher = torch.tensor([[INSIDE], [[8.0, 9.0, 20.0, 24.0]]])
    scores = torch.ones(1)
    expected = boxioukd_loss(student, teacher, scores, mode=mode)
    for step in (-64.0, 512.0):
        found = boxioukd_loss(student + step, teacher + step, scores, mode=mode)
        torch.testing.assert_close(found, expected)
