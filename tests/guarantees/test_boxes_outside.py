"""A step of real detectors whose ground-truth boxes leave the image.

MMDetection's sampler adds them to the RoIs, so that these leave it, too.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import ModelTeacher

from ..adapters.detectors import faster_rcnn, one_stage
from ..adapters.pairs import pair

SHIFTS = {'first corner': -40.0, 'last corner': 50.0}
WIDTHS = dict(student_channels=[32] * 5, teacher_channels=[32] * 5)


def term(on: Any, **loss: Any) -> dict[str, Any]:
    return dict(on=on, loss=loss)


NECK = {
    'fgd': term('neck', type='FGDLoss', **WIDTHS),
    'fgfi': term('neck', type='FGFILoss', **WIDTHS),
}
OF_ROIS = {
    'mimic': term(
        'roi_features', type='MimicLoss', student_channels=32, teacher_channels=32
    ),
    'kd': term('roi_logits', type='KDLoss'),
    'rkd': term('embedding', type='RKDLoss'),
    'boxregression': term('roi_boxes', type='BoxRegressionLoss'),
}
ASSIGNED = {
    'ckd': term(dict(part='dense_logits', rows='assigned'), type='CKDLoss'),
    'ld': term(dict(part='box_distribution', rows='vlr'), type='KDLoss'),
}
DETECTORS = {
    'Faster R-CNN': (faster_rcnn, NECK | OF_ROIS),
    'GFL': (lambda seed=0: one_stage('GFL', seed=seed), NECK | ASSIGNED),
}


def batch(shift: float) -> dict[str, Any]:
    """Two images of 64 x 96 whose boxes are moved beyond one of their corners."""
    sizes = [[3, 64, 96], [3, 64, 96]]
    data = demo_mm_inputs(2, sizes, num_items=[3, 2], num_classes=10)
    for sample in data['data_samples']:
        boxes = sample.gt_instances.bboxes
        sample.gt_instances.bboxes = boxes + shift
    return data


@pytest.mark.parametrize('shift', SHIFTS.values(), ids=SHIFTS)
@pytest.mark.parametrize('kind', DETECTORS)
def test_every_term_of_a_step_is_finite(kind: str, shift: float) -> None:
    make, terms = DETECTORS[kind]
    student, teacher = make(), make(1).eval()
    distiller = Distiller(student, [ModelTeacher(teacher)], build_terms(terms))
    with distiller.attached():
        data = student.data_preprocessor(batch(shift), True)
        losses = student(**data, mode='loss')
    of_terms = {name: losses[f'loss_{name}'] for name in terms}
    assert all(math.isfinite(value) for value in of_terms.values()), of_terms
    sum(of_terms.values()).backward()
    for name, parameter in student.named_parameters():
        if parameter.grad is not None:
            assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize('shift', SHIFTS.values(), ids=SHIFTS)
def test_rois_leave_the_image(shift: float) -> None:
    """Else the test above would say nothing of RoIs."""
    student = faster_rcnn()
    given = pair(student, faster_rcnn(1), batch(shift), 'roi_features', 'rois')
    corners = given['rois'][:, 1:]
    assert (corners < 0).any() or (corners[:, 2] > 96).any()
    for whose in ('student', 'teacher'):
        assert torch.isfinite(given[whose]).all()
