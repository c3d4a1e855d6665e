"""Options of parts and losses: the values of the CPU, and no wait but those named.

What a step waits for without the hook, and the teacher's forward, are not ours: a RoI
extractor, for one, asks how many RoIs lie on each level.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from mmpretrain.structures import DataSample

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.teachers import Speed
from device.families import FAMILIES
from device.steps import Setting, on_cpu, on_device, stock_on_device

from ..adapters.detectors import (
    ONE_STAGE,
    cascade_rcnn,
    faster_rcnn,
    mask_rcnn,
    one_stage,
)
from .checks import check_values

NECK = dict(student_channels=[32] * 5, teacher_channels=[32] * 5)


def _one_stage(kind: str, seed: int) -> BaseModel:
    return one_stage(kind, seed=seed)


BUILDERS: dict[str, Callable[[int], BaseModel]] = {
    'faster': faster_rcnn,
    'cascade': cascade_rcnn,
    'mask': mask_rcnn,
    **{kind: partial(_one_stage, kind) for kind in ONE_STAGE},
}
PRIORS = 'ckd_mm/adapters/dense/priors.py'
EXTRACTOR = 'mmdet/models/roi_heads/roi_extractors/single_level_roi_extractor.py'
ANCHORS = 'copy to the device at mmdet/models/task_modules/prior_generators/'
ANCHORS += 'anchor_generator.py (single_level_grid_priors)'
ONCE = f'index with a mask at {PRIORS} (choose_rows)'
ON_LEVELS = f'nonzero at {EXTRACTOR} (forward)'
ANCHORS = (
    'copy to the device at mmdet/models/task_modules/prior_generators/'
    'anchor_generator.py (single_level_grid_priors)'
)


@cache
def built(name: str, seed: int) -> BaseModel:
    return BUILDERS[name](seed)


def setting(
    student: str, teacher: str = '', num_items: tuple[int, int] = (3, 2)
) -> Setting:
    batch = demo_mm_inputs(
        2,
        [[3, 64, 96], [3, 96, 64]],
        num_items=list(num_items),
        num_classes=10,
        with_mask=student == 'mask',
    )
    return Setting(built(student, 0), built(teacher or student, 1), batch)


def term(on: Any, loss: str, **options: Any) -> dict[str, Any]:
    return dict(on=on, loss=dict(type=loss, **options))


def roi_logits(**options: Any) -> dict[str, Any]:
    return term(dict(part='roi_logits', **options), 'CKDLoss', temperature=0.1)


ND = dict(num_classes=11, teacher_channels=32, student_channels=32)
FASTER = dict(
    ckd=roi_logits(),
    negatives=term('roi_logits', 'CKDLoss', same_class_negatives=False, per_image=True),
    no_background=roi_logits(background_ratio=0.0),
    background=roi_logits(background_ratio=1.0),
    proposals=roi_logits(rois='proposals', num_rois=20),
    teacher=roi_logits(rois='teacher', num_rois=20),
    boxes=term('roi_boxes', 'BoxRegressionLoss'),
    nd=term('embedding', 'NDLoss', **ND),
    confident=term('rpn_logits', 'KDLoss'),
    both=term(dict(part='rpn_logits', rows='both'), 'DKDLoss'),
    assigned=term(dict(part='rpn_logits', rows='assigned'), 'KDLoss'),
)
FASTER_WAITS = {
    ONCE: 1,  # `assigned`
    ON_LEVELS: 8,  # the student's head once more, for `proposals` and for `teacher`
}
MAPS = {
    name: term('neck', f'{name}Loss', **NECK)
    for name in ('FGD', 'MGD', 'ReviewKD', 'OFD', 'FGFI')
}
MAPS_WAITS = {ANCHORS: 5}  # FGFI


def test_rows_of_a_two_stage_detector(device: Any) -> None:
    check(replace(setting('faster'), distill=FASTER), device, FASTER_WAITS)


def test_maps_of_a_two_stage_detector(device: Any) -> None:
    check(replace(setting('faster'), distill=MAPS), device, MAPS_WAITS)


@pytest.mark.parametrize(
    ('terms', 'expected'),
    [
        pytest.param(FASTER, FASTER_WAITS, id='rows'),
        pytest.param(MAPS, MAPS_WAITS, id='maps'),
    ],
)
def test_float16_does_not_wait_either(
    device: Any, terms: dict[str, Any], expected: dict[str, int]
) -> None:
    mixed = replace(setting('faster'), distill=terms, half='float16')
    found = on_device(mixed, device)
    assert found.added(stock_on_device(mixed, device)) == Counter(expected)
    assert all(math.isfinite(value) for value in found.logs[-1].values())


def test_bfloat16_does_not_wait_either(device: Any) -> None:
    """Of a one-stage detector: mmcv has no RoIAlign in bfloat16."""
    terms = dict(dense=dense_term('FCOS', 'confident'), fgd=MAPS['FGD'])
    mixed = replace(setting('FCOS'), distill=terms, half='bfloat16')
    found = on_device(mixed, device)
    assert found.added(stock_on_device(mixed, device)) == {}
    assert all(math.isfinite(value) for value in found.logs[-1].values())


def test_boxes_of_a_head_with_other_deviations_do_not_wait(device: Any) -> None:
    boxes = term(dict(part='roi_boxes', teacher_stage='last'), 'BoxRegressionLoss')
    check(replace(setting('faster', 'cascade'), distill=dict(boxes=boxes)), device)


@pytest.mark.slow
@pytest.mark.parametrize('student', ['faster', 'cascade'])
def test_stages_of_a_cascade(device: Any, student: str) -> None:
    stages = ('average', 'last', 0)
    terms = {f'stage_{stage}': roi_logits(teacher_stage=stage) for stage in stages}
    check(replace(setting(student, 'cascade'), distill=terms), device)


@pytest.mark.parametrize('num_items', [(3, 2), (0, 0)])
def test_masks_with_and_without_objects(
    device: Any, num_items: tuple[int, int]
) -> None:
    terms = {
        name: term(dict(part='mask_logits', activation=name), 'KDLoss')
        for name in ('softmax', 'binary')
    }
    terms['ckd'] = term('mask_logits', 'CKDLoss')
    check(replace(setting('mask', num_items=num_items), distill=terms), device)


@pytest.mark.parametrize(
    'kind',
    [
        pytest.param(kind, marks=[pytest.mark.slow] * (kind != 'FCOS'))
        for kind in ONE_STAGE
    ],
)
def test_rows_of_dense_heads(device: Any, kind: str) -> None:
    rows = ('confident', 'both', 'assigned')
    terms = {name: dense_term(kind, name) for name in rows}
    check(replace(setting(kind), distill=terms), device, {ONCE: 1})


@pytest.mark.slow
def test_rows_around_objects_wait_once(device: Any) -> None:
    """For their number, and MMDetection's generator copies its anchors by level."""
    terms = dict(vlr=dense_term('GFL', 'vlr'))
    check(replace(setting('GFL'), distill=terms), device, {ONCE: 1, ANCHORS: 5})


def dense_term(kind: str, rows: str) -> dict[str, Any]:
    on = dict(part='dense_logits', rows=rows, activation='binary')
    return term(on, 'KDLoss')


def named(student: str, teacher: str) -> ClassNames:
    lists = [dict(classes=list(one)) for one in (student, teacher)]
    return ClassNames(lists[0], lists[1], {})


def test_classes_in_another_order_do_not_wait(device: Any) -> None:
    terms = dict(ckd=FASTER['ckd'], boxes=FASTER['boxes'])
    names = named('0123456789', '9876543210')
    check(replace(setting('faster'), distill=terms, names=names), device)


def test_rows_of_classes_that_the_teacher_lacks_wait_once(device: Any) -> None:
    terms = dict(dkd=term('roi_logits', 'DKDLoss'))
    names = named('0123456789', '98765abcde')
    once = {'nonzero at ckd_mm/adapters/core/class_match.py (known_rows)': 1}
    check(replace(setting('faster'), distill=terms, names=names), device, once)


def test_a_classifier(device: Any) -> None:
    samples = [
        DataSample(metainfo=dict(sample_idx=i)).set_gt_label(i % 10) for i in range(8)
    ]
    batch = dict(inputs=[torch.rand(3, 16, 16)] * 8, data_samples=samples)
    models = (FAMILIES['ResNet'](seed) for seed in (0, 1))
    crd = dict(num_samples=9, student_channels=64, teacher_channels=64, num_negatives=4)
    terms = dict(
        ckd=term('logits', 'CKDLoss'),
        dkd=term('logits', 'DKDLoss'),
        ctkd=term('logits', 'CTKDLoss'),
        crd=term('embedding', 'CRDLoss', **crd),
        mgd=term('backbone', 'MGDLoss', student_channels=64, teacher_channels=64),
    )
    check(Setting(next(models), next(models), batch, terms), device)


def test_the_teachers_forward_is_the_teachers(device: Any) -> None:
    """Its RoI extractor asks how many RoIs lie on each level."""
    pair = replace(setting('faster'), distill=dict(ckd=roi_logits()))
    found = on_device(pair, device)
    assert Counter(map(str, found.of_teacher)) == {ON_LEVELS: 4}


@pytest.mark.slow
@pytest.mark.parametrize(
    'options',
    [
        dict(channels_last=True),
        dict(dtype='float16'),
        dict(channels_last=True, dtype='bfloat16', stream=True),
    ],
    ids=' '.join,
)
def test_a_faster_teacher_does_not_wait(device: Any, options: dict[str, Any]) -> None:
    plain = replace(setting('faster'), distill=dict(ckd=roi_logits()))
    fast = on_device(replace(plain, speed=Speed(**options)), device)
    assert fast.added(stock_on_device(plain, device)) == {}


def test_another_preprocessor_of_the_teacher_does_not_wait(device: Any) -> None:
    teacher = faster_rcnn(1)
    teacher.data_preprocessor.mean += 10.0
    pair = replace(setting('faster'), teacher=teacher, distill=dict(ckd=roi_logits()))
    check(pair, device)


def check(hooked: Setting, device: Any, expected: dict[str, int] | None = None) -> None:
    """The values of two steps are the CPU's, and only expected waits are added."""
    found = on_device(hooked, device)
    if device.is_mock:
        check_values(found, on_cpu(hooked))
    assert found.added(stock_on_device(hooked, device)) == Counter(expected or {})
