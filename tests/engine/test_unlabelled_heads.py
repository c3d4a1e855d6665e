"""Heads of detectors on images without labels: what a labelled step would give."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel

from ckd_mm.engine.pairs import PairMaker
from ckd_mm.teachers import ModelTeacher, Request

from ..adapters.detectors import faster_rcnn, one_stage

ROIS = dict(rois='teacher', num_rois=20)
TWO_STAGE: list[Any] = [
    dict(part='roi_logits', **ROIS),
    dict(part='roi_logits', rois='proposals', num_rois=20),
    dict(part='embedding', **ROIS),
    dict(part='roi_features', **ROIS),
    dict(part='rpn_logits', topk=20),
]
UNTOUCHED: list[set[str]] = [
    {'rpn_head'},
    set(),
    {'rpn_head'},
    {'rpn_head'},
    {'roi_head'},
]
"""The children of the student that none of their passes runs."""
CASES: list[tuple[Callable[..., BaseModel], Any]] = [
    *((faster_rcnn, on) for on in TWO_STAGE),
    (partial(one_stage, 'RetinaNet'), 'dense_logits'),
    (partial(one_stage, 'FCOS'), 'dense_logits'),
    (partial(one_stage, 'RetinaNet'), 'cross_logits'),
    (partial(one_stage, 'GFL'), 'box_distribution'),
    (partial(one_stage, 'YOLOX'), 'dense_objectness'),
]
cases = pytest.mark.parametrize(
    ('make', 'on'),
    CASES,
    ids=[f'{number} {on}' for number, (_, on) in enumerate(CASES)],
)


def maker_of(make: Any, requests: dict[str, Request], **options: Any) -> PairMaker:
    teacher = ModelTeacher(make(seed=1).requires_grad_(False))
    return PairMaker(make().train(), [teacher], requests, **options)


def batch() -> dict[str, Any]:
    sizes = [[3, 64, 96], [3, 64, 96]]
    return demo_mm_inputs(2, sizes, num_items=[3, 2], num_classes=10)


@cases
def test_they_give_what_they_give_beside_the_labels(make: Any, on: Any) -> None:
    """The same batch twice, once by a step with labels; values and gradients."""
    requests = dict(labelled=Request(on), unlabelled=Request(on, data='unlabelled'))
    maker = maker_of(make, requests)
    found = maker.pairs(batch())
    first: Any = found['labelled']
    second: Any = found['unlabelled']
    torch.testing.assert_close(first.student, second.student)
    torch.testing.assert_close(first.teacher, second.teacher)
    assert not torch.allclose(first.student, first.teacher)
    parameters = [*maker.student.model.parameters()]
    gradients = [
        torch.autograd.grad(
            one.student.square().sum(), parameters, allow_unused=True, retain_graph=True
        )
        for one in (first, second)
    ]
    assert sum(one is not None for one in gradients[0]) > 10
    for one, two in zip(*gradients, strict=True):
        assert (one is None) == (two is None)
        if one is not None:
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)


@cases
def test_the_student_runs_no_further_without_its_own_losses(make: Any, on: Any) -> None:
    maker = maker_of(make, dict(term=Request(on)), alone=True)
    assert maker.student.label_free is not None
    left = UNTOUCHED[TWO_STAGE.index(on)] if on in TWO_STAGE else set()
    assert set(maker.student.label_free.untouched) == left
    found: Any = maker.pairs(batch())['term']
    assert found.student.requires_grad


@pytest.mark.parametrize(
    ('make', 'on'),
    [
        (faster_rcnn, 'roi_logits'),
        (faster_rcnn, 'roi_boxes'),
        (faster_rcnn, 'rpn_boxes'),
        (partial(one_stage, 'RetinaNet'), dict(part='dense_logits', rows='assigned')),
    ],
)
def test_what_labels_choose_is_refused(make: Any, on: Any) -> None:
    for data in ('unlabelled', 'both'):
        with pytest.raises(ValueError, match="'term' compares on the images of unlab"):
            maker_of(make, dict(term=Request(on, data=data)))
