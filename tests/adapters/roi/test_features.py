"""`roi_features`: the pooled map of each RoI, of the same boxes in both models."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import ModelTeacher

from ..detectors import cascade_rcnn, faster_rcnn
from ..pairs import pair


def batch() -> dict[str, Any]:
    return demo_mm_inputs(
        2, [[3, 64, 96], [3, 96, 64]], num_items=[3, 2], num_classes=10
    )


def pooled(model: BaseModel, data: dict[str, Any], rois: Tensor) -> Tensor:
    """By the model's extractor, on its own feature maps."""
    images = model.data_preprocessor(deepcopy(data))['inputs']
    extractor = model.roi_head.bbox_roi_extractor
    with torch.no_grad():
        return extractor(model.extract_feat(images)[: extractor.num_inputs], rois)


@pytest.mark.parametrize('rois', ['sampled', 'proposals'])
def test_both_maps_are_pooled_from_the_same_boxes(rois: str) -> None:
    student, teacher, data = faster_rcnn().eval(), faster_rcnn(1).eval(), batch()
    on = dict(part='roi_features', rois=rois)
    given = pair(student, teacher, deepcopy(data), on, 'rois', 'image_index')
    assert given['student'].shape[1:] == (32, 7, 7)
    for whose, model in (('student', student), ('teacher', teacher)):
        expected = pooled(model, data, given['rois'])
        torch.testing.assert_close(given[whose].detach(), expected)
    assert not torch.allclose(given['student'], given['teacher'])
    assert len(given['image_index']) == len(given['student'])


def test_background_can_be_left_out() -> None:
    student = faster_rcnn().eval()
    on = dict(part='roi_features', background_ratio=0)
    given = pair(student, faster_rcnn(1), batch(), on, 'target')
    assert 0 < len(given['student']) == len(given['teacher'])
    assert (given['target'] < 10).all()


def test_a_cascade_without_a_single_roi_has_no_maps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cascade = cascade_rcnn().eval()
    monkeypatch.setitem(cascade.train_cfg.rpn_proposal, 'min_bbox_size', 10_000)
    data = demo_mm_inputs(1, [[3, 64, 64]], num_items=[0], num_classes=10)
    given = pair(cascade, deepcopy(cascade), data, 'roi_features')
    assert given['student'].shape == given['teacher'].shape == (0, 32, 7, 7)
    assert given['student'].requires_grad


def test_a_loss_that_needs_what_is_of_images_is_refused_with_a_way_out() -> None:
    student, teacher = faster_rcnn(), ModelTeacher(faster_rcnn(1).eval())

    def built(**loss: Any) -> Distiller:
        term = dict(on='roi_features', loss=loss)
        return Distiller(student, [teacher], build_terms(dict(term=term)))

    message = 'image_shapes.* which this pair does not have.*; the maps are of RoIs .*'
    with pytest.raises(ValueError, match=f'{message} takes ignore_padding=False here'):
        built(type='GramLoss')
    built(type='GramLoss', ignore_padding=False)
    with pytest.raises(ValueError, match='KDLoss takes rows .* gives feature maps;'):
        built(type='KDLoss')
