"""What weighers ask for of RoIs: IoUs, classes, the student's embedding."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmdet.structures.bbox import bbox_overlaps
from mmdet.testing import demo_mm_inputs

from ..detectors import cascade_rcnn, faster_rcnn
from ..pairs import pair

SIZES = [[3, 64, 96], [3, 96, 64]]
BINARY: Any = dict(part='roi_logits', background_ratio=1.0)


def batch(num_items: list[int]) -> dict[str, Any]:
    return demo_mm_inputs(2, SIZES, num_items=num_items, num_classes=10)


@pytest.mark.parametrize('num_items', [[3, 2], [3, 0]], ids=str)
def test_ious_are_those_that_mmdetection_assigns_by(num_items: list[int]) -> None:
    data = batch(num_items)
    found = pair(faster_rcnn(), faster_rcnn(seed=1), data, 'roi_logits', 'ious', 'rois')
    for number, sample in enumerate(data['data_samples']):
        of_image = found['rois'][:, 0] == number
        boxes = sample.gt_instances.bboxes
        if len(boxes):
            wanted = bbox_overlaps(found['rois'][of_image, 1:], boxes).amax(dim=1)
        else:
            wanted = torch.zeros(int(of_image.sum()))
        torch.testing.assert_close(found['ious'][of_image], wanted)
    assert found['ious'].max() > 0.99, 'the sampler adds the ground truth'


def test_they_are_of_the_rows_that_are_chosen() -> None:
    names = ('ious', 'rois', 'target', 'assigned_class', 'student_embedding')
    both = faster_rcnn(), faster_rcnn(seed=1)
    found = pair(*both, batch([3, 2]), BINARY, *names)
    number = len(found['student'])
    assert 0 < number < 64
    assert {len(found[name]) for name in names} == {number}
    is_object = found['assigned_class'] < 10
    assert torch.equal(found['target'], found['assigned_class'])
    assert found['ious'][is_object].min() >= 0.5 > found['ious'][~is_object].max()


@pytest.mark.parametrize('build', [faster_rcnn, cascade_rcnn])
def test_the_embedding_is_what_the_last_layers_turn_into_the_logits(build: Any) -> None:
    student = build()
    on = dict(part='roi_logits', teacher_stage='last')
    found = pair(student, faster_rcnn(seed=1), batch([3, 2]), on, 'student_embedding')
    heads = student.roi_head.bbox_head
    heads = [heads] if build is faster_rcnn else [*heads]
    rows = found['student_embedding'].split(len(found['student']) // len(heads))
    logits = torch.cat(
        [head.fc_cls(part) for head, part in zip(heads, rows, strict=True)]
    )
    torch.testing.assert_close(logits, found['student'])
