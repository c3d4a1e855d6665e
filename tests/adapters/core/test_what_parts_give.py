"""Boxes, box deltas and kinds of class logits each have losses of their own."""

from __future__ import annotations

from typing import Any

import pytest
from mmengine.model import BaseModel

from ckd_mm.registry import LOSSES, build

from ..detectors import faster_rcnn, one_stage, query_based
from .test_loss_fit import distiller

QUALITY, BOX_IOU, DELTAS = 'QualityFocalKDLoss', 'BoxIoUKDLoss', 'BoxRegressionLoss'


def _softmax(head: Any) -> None:
    head.bbox_head.loss_cls = dict(type='CrossEntropyLoss', use_sigmoid=False)


def _no_layers(head: Any) -> None:
    head.bbox_head.update(stacked_convs=0)


MODELS: dict[str, Any] = {
    'sigmoid': lambda seed: one_stage('RetinaNet', seed=seed),
    'softmax': lambda seed: one_stage('RetinaNet', _softmax, seed),
    'no layers': lambda seed: one_stage('RetinaNet', _no_layers, seed),
    'distribution': lambda seed: one_stage('GFL', seed=seed),
    'ATSS by GFL': lambda seed: one_stage('GFL' if seed else 'ATSS', seed=seed),
    'rois': faster_rcnn,
    'queries': lambda seed: query_based('DINO', seed=seed),
}


REFUSED = {
    'sigmoid': (
        (
            QUALITY,
            'cross_boxes',
            r'takes class logits \(B, C\) of a sigmoid per class, as they are, but '
            r"on='cross_boxes' gives boxes \(P, 4\); compare on='dense_logits' or "
            "on='cross_logits', or take .*BoxIoUKDLoss",
        ),
        (
            QUALITY,
            dict(part='cross_logits', activation='binary'),
            r"gives rows \(B, D\) of a sigmoid per class, with activation='binary'; ",
        ),
        (
            BOX_IOU,
            'cross_logits',
            r'takes boxes \(P, 4\), but .* gives rows \(B, D\) of a sigmoid per class; '
            "compare on='cross_boxes', or",
        ),
        (
            DELTAS,
            'cross_boxes',
            r'takes box deltas \(P, 4\), but .* gives boxes \(P, 4\); take .*BoxIoUKD',
        ),
        (
            'KDLoss',
            'cross_boxes',
            r'gives boxes \(P, 4\); .*fits: ACAMKDLoss, BoxIoUKDLoss, ',
        ),
    ),
    'softmax': tuple(
        (
            QUALITY,
            on,
            f"on='{on}' gives rows .B, D. of a softmax with background; take .*KDLoss",
        )
        for on in ('cross_logits', 'dense_logits')
    ),
    'distribution': (
        (
            QUALITY,
            'cross_distribution',
            'gives rows .* of distributions of the distances .*DistributionKDLoss',
        ),
    ),
    'ATSS by GFL': ((QUALITY, 'cross_distribution', 'gives rows .*edges'),),
    'rois': (
        (QUALITY, 'rpn_logits', r'gives rows \(B, D\); take a loss'),
        (QUALITY, 'cross_roi_logits', 'gives rows .* of a softmax with background; '),
        (BOX_IOU, 'cross_roi_boxes', r'gives box deltas \(P, 4\); .*BoxRegressionLoss'),
    ),
    'queries': (
        (BOX_IOU, 'shared_query_logits', "; compare on='shared_query_boxes', or take"),
        (QUALITY, 'query_logits', "needs 'assigned', .*; compare on='dense_logits' or"),
        (BOX_IOU, 'module:bbox_head', "needs 'scores', .*; compare a part of a dense"),
        (DELTAS, 'module:bbox_head', "needs 'box_target', .*; compare on='roi_boxes'"),
    ),
}
FITS = {
    'sigmoid': ((QUALITY, 'cross_logits'), (BOX_IOU, 'cross_boxes')),
    'softmax': (('KDLoss', 'cross_logits'),),
    'distribution': (('DistributionKDLoss', 'cross_distribution'),),
    'ATSS by GFL': (('DistributionKDLoss', 'cross_distribution'),),
    'rois': ((DELTAS, 'cross_roi_boxes'), (DELTAS, 'rpn_boxes')),
    'queries': ((BOX_IOU, 'shared_query_boxes'),),
}


@pytest.fixture(scope='module', params=REFUSED)
def pair(request: pytest.FixtureRequest) -> tuple[str, BaseModel, BaseModel]:
    make = MODELS[request.param]
    return request.param, make(0), make(1).requires_grad_(False)


def test_what_a_loss_does_not_take_is_refused_with_parts_and_losses_that_fit(
    pair: tuple[str, BaseModel, BaseModel],
) -> None:
    kind, *models = pair
    for name, on, message in REFUSED[kind]:
        with pytest.raises(ValueError, match=message) as error:
            distiller((models[0], models[1]), on, build(LOSSES, dict(type=name)))
        fitting = str(error.value).partition('loss that fits: ')[2].split(', ')
        assert name not in fitting
        if kind != 'rois':  # which alone has the deltas of the ground truth
            assert DELTAS not in fitting
    for name, on in FITS[kind]:
        distiller((models[0], models[1]), on, build(LOSSES, dict(type=name)))


UNKNOWN: tuple[tuple[str, Any, str], ...] = (
    (
        'sigmoid',
        dict(student='cross_logits', teacher='dense_logits'),
        "RetinaNet has no module 'cross_logits'.*; a part is compared with on=",
    ),
    ('sigmoid', 'module:cross_logits', "; a part is compared with on='cross_logits'"),
    ('sigmoid', 'module:cls', "RetinaNet has no module 'cls'; .*'[^=]*$"),
    ('sigmoid', 'cross_distribution', "teacher needs one; compare on='cross_boxes'"),
    ('no layers', 'cross_logits', 'student stacks no convolution in cls_convs; comp'),
    ('rois', 'cross_mask_logits', 'the student has no mask_head and the teacher has'),
    ('rois', 'encoder', r'as only detectors with queries \(an encoder and a decoder\)'),
    ('rois', 'shared_query_boxes', 'as only detectors with queries .* none of them'),
    ('queries', 'cross_logits', 'as only one-stage detectors with a dense head have'),
)


@pytest.mark.parametrize(('kind', 'on', 'message'), UNKNOWN)
def test_a_part_that_is_not_there_is_refused_with_what_it_is_of(
    kind: str, on: Any, message: str
) -> None:
    models = MODELS[kind](0), MODELS[kind](1)
    with pytest.raises(ValueError, match=message):
        distiller(models, on, build(LOSSES, dict(type=QUALITY)))
