"""The student's maps through a teacher's head: precision, several teachers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.testing import assert_allclose

from ckd_mm.engine.pairs import PairMaker
from ckd_mm.teachers import ModelTeacher, Request, Speed

from ..pairs import pair
from ..roi.test_cross import batch as batch_of_two_stages
from ..roi.test_cross import faster_rcnn
from .test_cross import batch, deep

FAST: dict[str, Any] = dict(channels_last=True, stream=True)


@pytest.mark.parametrize('kind', ['RetinaNet', 'GFL'])
def test_a_small_gradient_survives_a_teacher_in_float16(kind: str) -> None:
    """Without the student's loss scale it would be 0 in the teacher's format."""
    found: list[torch.Tensor] = []
    for dtype in (None, 'float16'):
        student, teacher = deep(kind), deep(kind, 1).requires_grad_(False)
        speed = Speed(dtype=dtype, **FAST)
        got = pair(student, teacher, batch(), 'cross_logits', speed=speed)
        loss = 1e-12 * got['student'].square().mean()
        weight = student.bbox_head.cls_convs[0].conv.weight
        found += torch.autograd.grad(loss, weight)
        assert got['student'].dtype == torch.float32
        assert got['teacher'].dtype == (torch.float16 if dtype else torch.float32)
    assert found[0].norm() > 0
    assert_allclose(
        found[1] / found[0].norm(), found[0] / found[0].norm(), rtol=0, atol=2e-2
    )


def test_rois_cross_in_the_precision_of_the_student() -> None:
    student, teacher = faster_rcnn(0), faster_rcnn(1).requires_grad_(False)
    speed = Speed(dtype='bfloat16', **FAST)
    data = batch_of_two_stages()
    found = pair(student, teacher, data, 'cross_roi_logits', speed=speed)
    assert found['student'].dtype == torch.float32
    assert found['teacher'].dtype == torch.bfloat16


@pytest.mark.parametrize('part', ['cross_logits', 'cross_boxes'])
def test_maps_of_a_student_in_bfloat16_give_nearly_the_same(part: str) -> None:
    student, teacher = deep('RetinaNet'), deep('RetinaNet', 1).requires_grad_(False)
    full = pair(student, teacher, batch(), part)['student']
    with torch.autocast('cpu', torch.bfloat16):
        half = pair(student, teacher, batch(), part)['student']
    gap = (half.float() - full).norm() / full.norm()
    assert half.requires_grad and gap < 0.1


def test_a_term_of_two_teachers_is_refused_as_each_makes_a_value_of_the_student() -> (
    None
):
    student = deep('RetinaNet')
    teachers = [ModelTeacher(deep('RetinaNet', seed)) for seed in (1, 2)]
    with pytest.raises(ValueError, match=r'hears 2 teachers.*teacher=NUMBER'):
        PairMaker(student, teachers, {'cross': Request('cross_logits')})
    requests = {
        f'cross{number}': Request('cross_logits', teachers=[number])
        for number in (0, 1)
    }
    found = PairMaker(student, teachers, requests).pairs(batch())
    first, second = (found[name].arguments()['student'] for name in requests)
    assert not torch.allclose(first, second, atol=1e-2)


def test_one_image_with_levels_of_one_position_has_a_finite_gradient() -> None:
    student, teacher = deep('RetinaNet'), deep('RetinaNet', 1).requires_grad_(False)
    one = batch()
    one = {key: value[:1] for key, value in one.items()}
    found = pair(student, teacher, one, 'cross_logits')
    weights = student.bbox_head.cls_convs[0].parameters()
    for gradient in torch.autograd.grad(found['student'].square().mean(), weights):
        assert gradient.isfinite().all() and gradient.norm() > 0
