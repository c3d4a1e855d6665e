"""Students that make more images of a batch, and what is then refused when."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.config import ConfigDict
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor, nn

from ckd_mm.adapters import build_adapter
from ckd_mm.adapters.core.batch_checks import check_batch
from ckd_mm.adapters.core.pair_spec import Unavailable
from ckd_mm.commands.inspection import find_parts

from ..detectors import faster_rcnn, one_stage, query_based
from ..pairs import pair


def trident(seed: int = 0, **backbone: Any) -> BaseModel:
    """TridentNet, or the detector without branches that it is made of."""
    model = get_config('mmdet::tridentnet/tridentnet_r50-caffe_1x_coco.py').model
    model.backbone.update(init_cfg=None, frozen_stages=-1, base_channels=8)
    model.backbone.update(stem_channels=8, **backbone)
    if model.backbone.type == 'ResNet':
        for name in ('trident_dilations', 'num_branch', 'test_branch_idx'):
            model.backbone.pop(name)
        model.type, model.roi_head.type = 'FasterRCNN', 'StandardRoIHead'
        model.roi_head.pop('num_branch')
        model.roi_head.pop('test_branch_idx')
    _narrow(model)
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmdet'):
        detector = MODELS.build(model)
    detector.init_weights()
    for module in detector.modules():
        if type(module).__name__ == 'TridentConv':  # is left as memory was
            nn.init.kaiming_normal_(module.weight)
    return detector.eval()


def _narrow(model: ConfigDict) -> None:
    model.rpn_head.update(in_channels=128, feat_channels=32)
    model.roi_head.bbox_roi_extractor.out_channels = 128
    model.roi_head.bbox_roi_extractor.roi_layer.output_size = 7
    model.roi_head.pop('shared_head')  # has one width, and takes long
    model.roi_head.bbox_head.update(in_channels=128, num_classes=10)
    model.train_cfg.rcnn.sampler.num = 16
    if 'test_branch_idx' in model.roi_head:
        model.roi_head.test_branch_idx = model.backbone.test_branch_idx


def batch() -> dict[str, Any]:
    return demo_mm_inputs(2, [[3, 64, 64]] * 2, num_items=[2, 2], num_classes=10)


@pytest.fixture(scope='module')
def student() -> BaseModel:
    return trident().train()


@pytest.mark.parametrize('teacher', ['plain', 'one branch'])
@pytest.mark.parametrize('on', ['roi_logits', 'embedding', 'rpn_logits', 'backbone'])
def test_a_student_with_branches_is_refused_before_training(
    student: BaseModel, teacher: str, on: str
) -> None:
    teacher_model = trident(1, type='ResNet') if teacher == 'plain' else trident(1)
    with pytest.raises(
        ValueError,
        match=r'of each image the student, a TridentFasterRCNN, makes 3 in training .*'
        r', and the teacher, a \w+, 1, so that .* are not of the same images; take a',
    ):
        build_adapter(student, teacher_model).bind('x', on, ())


def test_its_parts_are_listed_as_missing_with_the_reason(student: BaseModel) -> None:
    found = find_parts(student, trident(1), batch())
    assert {'roi_logits', 'backbone', 'neck'} <= {one.on for one in found}
    assert all('makes 3 in training' in one.reason for one in found)


@pytest.mark.parametrize('on', ['roi_logits', 'backbone'])
def test_two_models_with_all_their_branches_see_the_same_images(
    student: BaseModel, on: str
) -> None:
    teacher = trident(1, test_branch_idx=-1)
    teacher.load_state_dict(student.state_dict())
    for module in student.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    found = pair(student, teacher.requires_grad_(False), batch(), on)
    student_value, teacher_value = found['student'], found['teacher']
    student_value, teacher_value = (
        (student_value, teacher_value)
        if isinstance(student_value, Tensor)
        else (student_value[0], teacher_value[0])
    )
    assert student_value.isfinite().all()
    torch.testing.assert_close(student_value, teacher_value)


def test_one_branch_of_a_teacher_sees_what_a_plain_student_sees() -> None:
    student, teacher = trident(type='ResNet').train(), trident(1)
    found = pair(student, teacher.requires_grad_(False), batch(), 'roi_logits')
    assert found['teacher'].isfinite().all()
    assert found['teacher'].shape == found['student'].shape


class _Doubled(nn.Module):
    """A neck of a plugin that adds the mirror image of each map to the batch."""

    def __init__(self, neck: nn.Module) -> None:
        super().__init__()
        self.neck = neck

    def forward(self, inputs: Any) -> tuple[Tensor, ...]:
        maps = self.neck(inputs)
        return tuple(torch.cat([level, level.flip(3)]) for level in maps)


@pytest.mark.parametrize(
    ('make', 'on'),
    [
        (faster_rcnn, 'roi_logits'),
        (faster_rcnn, dict(part='roi_logits', rois='teacher', num_rois=8)),
        (faster_rcnn, 'rpn_logits'),
        (lambda seed=0: one_stage('FCOS', seed=seed), 'dense_logits'),
        (lambda seed=0: query_based('DETR', seed=seed), 'query_logits'),
    ],
    ids=['roi_logits', 'proposals', 'rpn_logits', 'dense_logits', 'query_logits'],
)
def test_a_model_that_nobody_knows_is_refused_in_the_first_step(
    make: Any, on: Any
) -> None:
    student = make().train()
    student.neck = _Doubled(student.neck)
    loss = student.loss
    # as TridentNet does
    student.loss = lambda inputs, samples: loss(inputs, [*samples, *deepcopy(samples)])
    with pytest.raises(
        ValueError,
        match="student's outputs are of 4 images and the teacher's of 2: one of the",
    ):
        pair(student, make(seed=1).requires_grad_(False), batch(), on)


def test_a_batch_of_several_views_is_refused() -> None:
    views = [torch.zeros(2, 3, 8, 8)] * 2
    with pytest.raises(ValueError, match='gives a list of 2, such as several views'):
        check_batch(views, [None] * 2)
    with pytest.raises(ValueError, match='got 3 for 2 images'):
        check_batch(views[0], [None] * 3)
    check_batch(views[0], None)


def test_the_parts_that_are_missing_are_said_to_be(student: BaseModel) -> None:
    known = build_adapter(student, trident(1)).parts()
    assert known
    assert all(isinstance(part, Unavailable) for part in known.values())
