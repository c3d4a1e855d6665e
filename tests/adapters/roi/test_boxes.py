"""Box deltas of the same RoIs, in the units of the student's head."""

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

CONTEXT = ('target', 'rois', 'image_index', 'box_target')


@pytest.fixture(scope='module')
def faster() -> BaseModel:
    return scattered(faster_rcnn())


@pytest.fixture(scope='module')
def cascade() -> BaseModel:
    return scattered(cascade_rcnn(seed=1))


def scattered(detector: BaseModel) -> BaseModel:
    """Untrained deltas are nearly 0."""
    for name, weights in detector.named_parameters():
        if 'fc_reg' in name:
            torch.nn.init.normal_(weights)
    return detector


def batch(num_items: list[int] | None = None) -> dict[str, Any]:
    return demo_mm_inputs(
        2, [[3, 64, 96], [3, 96, 64]], num_items=num_items or [3, 2], num_classes=10
    )


def test_a_twin_gives_the_deltas_that_its_own_loss_gets(faster: BaseModel) -> None:
    student, calls = deepcopy(faster), []
    student.roi_head.bbox_head.loss_bbox.register_forward_pre_hook(
        lambda _, args: calls.append(args)
    )
    given = pair(student, faster, batch(), 'roi_boxes', *CONTEXT)
    ((predicted, truth, _),) = calls
    assert len(predicted) > 4
    assert torch.equal(given['student'], predicted)
    assert torch.equal(given['box_target'], truth)
    assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-5)
    assert given['student'].requires_grad and not given['teacher'].requires_grad
    assert (given['target'] < 10).all()
    lengths = {len(value) for value in given.values()}
    assert lengths == {len(predicted)}


@pytest.mark.parametrize('stage', [0, 1, 2])
def test_deltas_of_a_cascade_mean_the_same_boxes_in_the_students_units(
    faster: BaseModel, cascade: BaseModel, stage: int
) -> None:
    data, on = batch(), dict(part='roi_boxes', teacher_stage=stage)
    given = pair(faster, cascade, deepcopy(data), on, *CONTEXT)
    images = cascade.data_preprocessor(data, False)['inputs']
    rois = given['rois']
    with torch.no_grad():
        features = cascade.extract_feat(images)
        deltas = cascade.roi_head._bbox_forward(stage, features, rois)['bbox_pred']
    assert deltas.shape[1] == 4  # of no class
    coders = (cascade.roi_head.bbox_head[stage], faster.roi_head.bbox_head)
    expected, found = (
        head.bbox_coder.decode(rois[:, 1:], rows)
        for head, rows in zip(coders, (deltas, given['teacher']), strict=True)
    )
    assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_the_deltas_of_a_cascade_are_those_of_all_its_stages(
    cascade: BaseModel,
) -> None:
    student, calls = deepcopy(cascade), []
    for head in student.roi_head.bbox_head:
        head.loss_bbox.register_forward_pre_hook(lambda _, args: calls.append(args))
    given = pair(student, cascade, batch(), 'roi_boxes', *CONTEXT)
    assert len(calls) == 3
    assert torch.equal(given['student'], torch.cat([call[0] for call in calls]))
    assert torch.equal(given['box_target'], torch.cat([call[1] for call in calls]))
    assert_allclose(given['student'], given['teacher'], rtol=1e-3, atol=1e-4)


def test_images_without_objects_have_no_deltas(faster: BaseModel) -> None:
    given = pair(faster, deepcopy(faster), batch([0, 0]), 'roi_boxes', 'box_target')
    assert given['student'].shape == given['teacher'].shape == (0, 4)
    assert given['box_target'].shape == (0, 4)
    loss = BoxRegressionLoss()(**given)
    assert loss == 0 and loss.requires_grad


def test_a_student_trained_on_decoded_boxes_is_refused(faster: BaseModel) -> None:
    def decoded(model: Any) -> None:
        model.rpn_head.update(in_channels=32, feat_channels=32)
        model.roi_head.bbox_roi_extractor.out_channels = 32
        model.roi_head.bbox_head.update(
            in_channels=32,
            num_classes=10,
            fc_out_channels=32,
            reg_decoded_bbox=True,
            loss_bbox=dict(type='GIoULoss'),
        )

    student = build('faster_rcnn/faster-rcnn_r50_fpn_1x_coco', decoded)
    with pytest.raises(ValueError, match="on='roi_boxes' .*trained on decoded boxes"):
        pair(student, faster, batch(), 'roi_boxes')
    assert len(pair(faster, student, batch(), 'roi_boxes')['teacher']) > 0
