"""Objectness of the same anchors, from the RPN of both models."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose

from ckd_mm.losses import BoxRegressionLoss

from ..detectors import build, cascade_rcnn, faster_rcnn
from ..pairs import pair

NAMES = ('student', 'teacher', 'box_target')


def batch(num_items: list[int] | None = None) -> dict[str, Any]:
    return demo_mm_inputs(
        2, [[3, 64, 96], [3, 96, 64]], num_items=num_items or [3, 2], num_classes=10
    )


def test_a_row_is_the_objectness_of_one_anchor_and_zero() -> None:
    student, teacher, data = faster_rcnn(), cascade_rcnn(seed=1), batch()
    on = dict(part='rpn_logits', topk=20)
    given = pair(student, teacher, deepcopy(data), on, 'image_index')
    for name, model in (('teacher', teacher), ('student', student)):
        assert given[name].shape == (40, 2)
        assert torch.equal(given[name][:, 1], torch.zeros(40))
        images = model.data_preprocessor(deepcopy(data), False)['inputs']
        with torch.no_grad():
            levels, _ = model.rpn_head(model.extract_feat(images))
        every = torch.cat([level.permute(0, 2, 3, 1).flatten(1) for level in levels], 1)
        if name == 'teacher':
            best = every.topk(20, dim=1)
            assert_allclose(
                given[name][:, 0], best.values.flatten(), rtol=1e-4, atol=1e-5
            )
        else:
            expected = every.gather(1, best.indices).flatten()
            assert_allclose(given[name][:, 0], expected, rtol=1e-4, atol=1e-5)
    assert given['image_index'].tolist() == [0] * 20 + [1] * 20
    assert given['student'].requires_grad and not given['teacher'].requires_grad


def test_the_target_is_0_for_an_object_and_1_for_background() -> None:
    student = faster_rcnn()
    labels: list[torch.Tensor] = []
    student.rpn_head.loss_cls.register_forward_pre_hook(
        lambda _, args: labels.append(args[1])
    )
    on = [dict(part='rpn_logits', rows=rows, topk=50) for rows in ('assigned', 'both')]
    data = batch()
    torch.manual_seed(0)
    assigned = pair(student, deepcopy(student), deepcopy(data), on[0], 'target')
    number = sum(int((of_level == 0).sum()) for of_level in labels)
    assert assigned['target'].tolist() == [0] * number
    torch.manual_seed(0)
    both = pair(student, deepcopy(student), deepcopy(data), on[1], 'target')
    assert sorted(both['target'].tolist()) == [0] * number + [1] * (100 - number)


def spread_deltas(detector: BaseModel) -> BaseModel:
    """Untrained deltas are nearly 0."""
    torch.nn.init.normal_(detector.rpn_head.rpn_reg.weight)
    return detector


def test_a_row_of_boxes_has_the_deltas_that_the_students_own_loss_gets() -> None:
    student = spread_deltas(faster_rcnn())
    teacher, calls = deepcopy(student), []
    student.rpn_head.loss_bbox.register_forward_pre_hook(
        lambda _, args: calls.append(args)
    )
    given = pair(student, teacher, batch(), 'rpn_boxes', 'box_target', 'image_index')
    has_object = [weights.any(1) for _, _, weights in calls]
    expected = torch.cat(
        [
            torch.cat(call[:2], dim=1)[kept]
            for call, kept in zip(calls, has_object, strict=True)
        ]
    )
    found = torch.cat([given['student'], given['box_target']], dim=1)
    assert len(expected) > 2
    assert sorted(found.tolist()) == sorted(expected.tolist())
    assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-5)
    assert set(given['image_index'].tolist()) == {0, 1}
    loss = BoxRegressionLoss()(*(given[name] for name in NAMES))
    assert loss.requires_grad and not given['teacher'].requires_grad


def test_at_most_topk_boxes_of_an_image_those_the_teacher_is_surest_of() -> None:
    student, data = spread_deltas(faster_rcnn()), batch()
    every, few = (
        pair(student, deepcopy(student), deepcopy(data), on, *NAMES[2:], 'image_index')
        for on in ('rpn_boxes', dict(part='rpn_boxes', topk=1))
    )
    assert few['image_index'].tolist() == [0, 1]
    first = [every['image_index'].tolist().index(image) for image in (0, 1)]
    assert torch.equal(few['box_target'], every['box_target'][first])


def test_images_without_objects_have_no_boxes() -> None:
    student = faster_rcnn()
    given = pair(student, deepcopy(student), batch([0, 0]), 'rpn_boxes', *NAMES[2:])
    assert given['student'].shape == given['box_target'].shape == (0, 4)


def test_a_term_on_the_rpn_does_not_run_the_teachers_roi_head() -> None:
    student, calls = faster_rcnn(), []
    teacher = deepcopy(student)
    teacher.roi_head.bbox_head.register_forward_hook(lambda *_: calls.append(1))
    pair(student, teacher, batch(), 'rpn_logits')
    assert calls == []


def test_other_anchors_are_refused() -> None:
    def larger(model: Any) -> None:
        model.rpn_head.anchor_generator.scales = [16]
        model.rpn_head.update(in_channels=32, feat_channels=32)
        model.roi_head.bbox_roi_extractor.out_channels = 32
        model.roi_head.bbox_head.update(in_channels=32, num_classes=10)

    teacher = build('faster_rcnn/faster-rcnn_r50_fpn_1x_coco', larger)
    with pytest.raises(ValueError, match="on='rpn_logits' .*anchors .*compare feature"):
        pair(faster_rcnn(), teacher, batch(), 'rpn_logits')
