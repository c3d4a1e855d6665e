"""A one-stage detector: its modules, its feature maps, and its ground truth."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmengine.testing import assert_allclose
from torch import nn

from ckd_mm.adapters import OneStageAdapter, find_adapter
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import ModelTeacher

from .pairs import pair


class _SquaredDifference(nn.Module):
    """A loss of a plugin, on feature maps."""

    def forward(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        return (student - teacher.detach()).square().mean()


@pytest.fixture(scope='module')
def retinanet() -> BaseModel:
    cfg = get_config('mmdet::retinanet/retinanet_r18_fpn_1x_coco.py').model
    cfg.backbone.update(
        base_channels=8, stem_channels=8, frozen_stages=-1, init_cfg=None
    )
    cfg.neck.update(in_channels=[8, 16, 32, 64], out_channels=16)
    cfg.bbox_head.update(in_channels=16, feat_channels=16)
    with DefaultScope.overwrite_default_scope('mmdet'):
        student = MODELS.build(cfg)
    student.init_weights()
    return student.eval()


def test_a_retinanet_is_distilled_on_feature_maps_with_a_loss_of_a_plugin(
    retinanet: BaseModel,
) -> None:
    student = deepcopy(retinanet)
    assert find_adapter(student) is OneStageAdapter
    teacher = deepcopy(student).eval().requires_grad_(False)
    for parameter in teacher.parameters():
        parameter.mul_(1.1)
    LOSSES.register_module(name='SquaredDifference', module=_SquaredDifference)
    try:
        terms = build_terms(
            dict(
                maps=dict(
                    on='module:neck.fpn_convs.0', loss=dict(type='SquaredDifference')
                )
            )
        )
    finally:
        LOSSES.module_dict.pop('SquaredDifference')
    distiller = Distiller(student.train(), [ModelTeacher(teacher)], terms)
    data = student.data_preprocessor(demo_mm_inputs(2, [[3, 64, 64]] * 2), True)
    distiller.attach()
    losses = student(**data, mode='loss')
    distiller.detach()
    assert losses['loss_maps'] > 0
    assert losses['loss_maps'].requires_grad
    assert not any('agreement' in key for key in losses)


@pytest.mark.parametrize(
    ('on', 'sides'),
    [
        ('neck', [8, 4, 2, 1, 1]),
        ('backbone', [16, 8, 4, 2]),
        (['backbone', 'module:neck.fpn_convs.0'], [16, 8, 4, 2, 8]),
    ],
)
def test_levels_are_compared_fine_to_coarse(
    retinanet: BaseModel, on: Any, sides: list[int]
) -> None:
    twin = deepcopy(retinanet)
    batch = demo_mm_inputs(2, [[3, 64, 64]] * 2)
    given = pair(retinanet, twin, batch, on)
    assert [level.shape[-1] for level in given['student']] == sides
    for student, teacher in zip(given['student'], given['teacher'], strict=True):
        assert_allclose(student, teacher)
        assert student.requires_grad and not teacher.requires_grad


def test_a_pyramid_may_begin_with_frozen_levels(retinanet: BaseModel) -> None:
    student = deepcopy(retinanet)
    for name in ('conv1', 'bn1', 'layer1'):
        student.backbone.get_submodule(name).requires_grad_(False)
    batch = demo_mm_inputs(1, [[3, 64, 64]])
    given = pair(student, deepcopy(retinanet), batch, 'backbone')
    assert [level.requires_grad for level in given['student']] == [False, *[True] * 3]


def test_a_loss_gets_the_ground_truth_in_pixels_of_the_batch(
    retinanet: BaseModel,
) -> None:
    batch = demo_mm_inputs(2, [[3, 64, 40], [3, 50, 64]], num_items=[3, 0])
    names = ('boxes', 'labels', 'image_size', 'image_shapes', 'epoch')
    given = pair(retinanet, deepcopy(retinanet), batch, 'neck', *names, epoch=2.5)
    truth = [sample.gt_instances for sample in batch['data_samples']]
    for boxes, labels, of_image in zip(
        given['boxes'], given['labels'], truth, strict=True
    ):
        assert torch.equal(boxes, of_image.bboxes)
        assert torch.equal(labels, of_image.labels)
    assert [len(boxes) for boxes in given['boxes']] == [3, 0]
    assert given['image_size'] == (64, 64)
    assert given['image_shapes'] == [(64, 40), (50, 64)]
    assert given['epoch'] == 2.5


def test_anchors_are_those_of_the_students_head(retinanet: BaseModel) -> None:
    batch = demo_mm_inputs(1, [[3, 64, 64]])
    anchors = pair(retinanet, deepcopy(retinanet), batch, 'neck', 'anchors')['anchors']
    assert [len(level) for level in anchors] == [9 * n * n for n in (8, 4, 2, 1, 1)]
    # RetinaNet's finest anchor: 4 times the stride of 8, at the first position
    assert anchors[0][3].tolist() == [-16.0, -16.0, 16.0, 16.0]


def test_a_part_that_one_of_the_models_lacks_is_not_offered(
    retinanet: BaseModel,
) -> None:
    headless = deepcopy(retinanet)
    headless.neck = None
    with pytest.raises(
        ValueError,
        match="on='neck' cannot be compared for RetinaNet.*teacher has no neck",
    ):
        pair(retinanet, headless, demo_mm_inputs(1, [[3, 64, 64]]), 'neck')


@pytest.mark.parametrize(('on', 'runs'), [('backbone', 0), ('neck', 1)])
def test_the_teachers_neck_runs_only_for_what_lies_in_it(
    retinanet: BaseModel, on: str, runs: int
) -> None:
    teacher, calls = deepcopy(retinanet), []
    teacher.neck.register_forward_hook(lambda *_: calls.append(1))
    pair(retinanet, teacher, demo_mm_inputs(1, [[3, 64, 64]]), on)
    assert len(calls) == runs


def test_a_head_of_no_known_kind_is_refused_by_name(retinanet: BaseModel) -> None:
    """Such as one that needs more than feature maps."""

    class Asks(nn.Module):
        num_classes = cls_out_channels = 80

        def forward(self, x: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
            return x + queries

    student = deepcopy(retinanet)
    student.bbox_head = Asks()
    with pytest.raises(ValueError, match='no rows are known of a RetinaNet with Asks'):
        pair(student, student, demo_mm_inputs(1, [[3, 64, 64]]), 'dense_logits')


def test_a_head_with_more_arguments_that_may_be_left_out_is_known(
    retinanet: BaseModel,
) -> None:
    student = deepcopy(retinanet)
    forward = student.bbox_head.forward

    def wrapped(feats: Any, scale: float = 1.0, *args: Any, **kwargs: Any) -> Any:
        return forward(feats)

    student.bbox_head.forward = wrapped
    given = pair(student, retinanet, demo_mm_inputs(1, [[3, 64, 64]]), 'dense_logits')
    assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-5)
