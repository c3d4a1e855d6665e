"""The student's feature maps through the teacher's RoI heads, against both by hand."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose
from torch import Tensor

from ckd_mm.adapters.core.map_connector import MapConnector
from ckd_mm.engine.pairs import PairMaker
from ckd_mm.functional import kd_loss
from ckd_mm.teachers import ModelTeacher, Request

from ..detectors import build as build_detector
from ..detectors import cascade_rcnn, faster_rcnn, mask_rcnn, narrow_rois
from ..pairs import pair

FAMILIES = {
    'Faster R-CNN': (faster_rcnn, {}),
    'Cascade R-CNN': (cascade_rcnn, {'student_stage': 1}),
}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> tuple[BaseModel, BaseModel, dict]:
    make, options = FAMILIES[request.param]
    return make(0), make(1).requires_grad_(False), options


def batch(masks: bool = False) -> dict[str, Any]:
    return demo_mm_inputs(
        2,
        [[3, 64, 96], [3, 96, 64]],
        num_items=[3, 2],
        num_classes=10,
        with_mask=masks,
    )


def by_hand(
    student: BaseModel, teacher: BaseModel, data: dict, rois: Tensor, stage: int | None
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What the teacher's box head makes of the maps of each model."""
    found = []
    for model in (student, teacher):
        images = model.data_preprocessor(deepcopy(data), False)['inputs']
        numbers = [] if stage is None else [stage]
        maps = model.extract_feat(images)
        found.append(teacher.roi_head._bbox_forward(*numbers, maps, rois))
    return found[0], found[1]


def gradient(student: BaseModel, loss: Tensor) -> Tensor:
    weight = student.backbone.layer2[0].downsample[0].weight
    (found,) = torch.autograd.grad(loss, weight)
    assert found.any()  # a block's other branch is multiplied by 0 before training
    return found


def test_value_and_gradient_are_those_of_both_models_run_by_hand(
    family: tuple[BaseModel, BaseModel, dict],
) -> None:
    student, teacher, options = family
    data = batch()
    on = dict(part='cross_roi_logits', **options)
    found = pair(student, teacher, data, on, 'rois', 'target')
    stage = options.get('student_stage')
    crossed, stock = by_hand(student, teacher, data, found['rois'], stage)
    assert_allclose(found['student'], crossed['cls_score'], rtol=1e-4, atol=1e-5)
    assert_allclose(found['teacher'], stock['cls_score'], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found['student'], found['teacher'], atol=1e-3)
    assert (found['target'] < 10).any()
    expected = kd_loss(crossed['cls_score'], stock['cls_score'].detach())
    assert_allclose(
        gradient(student, kd_loss(found['student'], found['teacher'])),
        gradient(student, expected),
        rtol=1e-3,
        atol=1e-7,
    )


def test_the_box_deltas_are_those_of_the_class_of_the_object() -> None:
    student, teacher = faster_rcnn(0), faster_rcnn(1).requires_grad_(False)
    data = batch()
    found = pair(student, teacher, data, 'cross_roi_boxes', 'rois', 'target')
    crossed, stock = by_hand(student, teacher, data, found['rois'], None)
    rows = torch.arange(len(found['target']))
    for name, reference in (('student', crossed), ('teacher', stock)):
        deltas = reference['bbox_pred'].unflatten(1, (-1, 4))[rows, found['target']]
        assert len(deltas)
        assert_allclose(found[name], deltas, rtol=1e-4, atol=1e-5)


def test_masks_go_through_the_mask_head_of_the_teacher() -> None:
    student, teacher = mask_rcnn(0), mask_rcnn(1).requires_grad_(False)
    data = batch(masks=True)
    found = pair(student, teacher, data, 'cross_mask_logits', 'rois', 'target')
    images = student.data_preprocessor(deepcopy(data), False)['inputs']
    maps = student.extract_feat(images)
    masks = teacher.roi_head._mask_forward(maps, found['rois'])['mask_preds']
    rows = torch.arange(len(found['target']))
    expected = masks[rows, found['target']].flatten(1)
    assert_allclose(found['student'], expected, rtol=1e-4, atol=1e-5)


def test_the_teacher_stays_as_it_is_and_the_heads_of_the_student_get_no_gradient() -> (
    None
):
    student, teacher = faster_rcnn(0), faster_rcnn(1).requires_grad_(False)
    before = deepcopy(teacher.state_dict())
    found = pair(student.train(), teacher, batch(), 'cross_roi_logits')
    kd_loss(found['student'], found['teacher']).backward()
    assert all(torch.equal(before[key], value) for key, value in _state(teacher))
    assert not teacher.training and not any(p.grad is not None for p in _all(teacher))
    assert all(p.grad is None for p in _all(student.roi_head))
    assert any(p.grad is not None for p in _all(student.neck))


def test_a_step_without_a_roi_of_an_object_has_a_gradient_of_zero() -> None:
    student, teacher = faster_rcnn(0), faster_rcnn(1).requires_grad_(False)
    data = demo_mm_inputs(1, [[3, 64, 96]], num_items=[0], num_classes=10)
    found = pair(student, teacher, data, 'cross_roi_boxes')
    assert len(found['student']) == 0 and found['student'].requires_grad


def wider(model: Any) -> None:
    narrow_rois(model)
    model.neck.out_channels = 48
    model.rpn_head.in_channels = 48
    model.roi_head.bbox_head.in_channels = 48
    model.roi_head.bbox_roi_extractor.out_channels = 48


def wide_teacher() -> BaseModel:
    name = 'faster_rcnn/faster-rcnn_r50_fpn_1x_coco'
    return build_detector(name, wider, seed=1).requires_grad_(False)


def test_another_width_is_refused_without_a_connector() -> None:
    with pytest.raises(ValueError, match='32 channels, .* 48; set connector=True'):
        pair(faster_rcnn(0), wide_teacher(), batch(), 'cross_roi_logits')


def test_other_levels_are_refused_with_what_differs() -> None:
    def fewer(model: Any) -> None:
        narrow_rois(model)
        model.roi_head.bbox_roi_extractor.featmap_strides = [4, 8, 16]

    name = 'faster_rcnn/faster-rcnn_r50_fpn_1x_coco'
    teacher = build_detector(name, fewer, seed=1)
    on = dict(part='cross_roi_logits', connector=True)
    with pytest.raises(ValueError, match=r'student has \[4, 8, 16, 32\] .* 16\];'):
        pair(faster_rcnn(0), teacher, batch(), on)


def test_a_connector_brings_all_levels_to_the_width_of_the_teacher() -> None:
    student, teacher, data = faster_rcnn(0), wide_teacher(), batch()
    torch.manual_seed(0)
    connector = MapConnector([(32, 48)])
    on = dict(part='cross_roi_logits', connector=True)
    request = Request(on, ('rois',), connector=connector)
    maker = PairMaker(student, [ModelTeacher(teacher)], {'term': request})
    found = maker.pairs(data)['term'].arguments()
    images = student.data_preprocessor(deepcopy(data), False)['inputs']
    (convolution,) = connector.convolutions
    maps = [convolution(level) for level in student.extract_feat(images)]
    crossed = teacher.roi_head._bbox_forward(maps, found['rois'])['cls_score']
    assert_allclose(found['student'], crossed, rtol=1e-4, atol=1e-5)
    # not a convolution of a residual branch, which ends with zeros before training
    learners = [student.backbone.conv1.weight, *connector.parameters()]
    gradients = [
        torch.autograd.grad(kd_loss(one, found['teacher']), learners)
        for one in (found['student'], crossed)
    ]
    for mine, reference in zip(*gradients, strict=True):
        assert mine.any()
        assert_allclose(mine, reference, rtol=1e-3, atol=1e-6)


def _state(model: BaseModel) -> list[tuple[str, Tensor]]:
    return list(model.state_dict().items())


def _all(model: Any) -> list[Any]:
    return list(model.parameters())
