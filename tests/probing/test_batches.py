"""Random batches fit the models that they are made for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.model import BaseModel
from torch import nn

from ckd_mm.probing.batches import WORDS, image_shape, library_of, random_batch
from ckd_mm.probing.steps import batch_that_trains, run_student
from ckd_mm.probing.untrained import build_untrained

from ..adapters.detectors import ONE_STAGE, narrow, narrow_dense, narrow_rois

FASTER = 'faster_rcnn/faster-rcnn_r50_fpn_1x_coco'


def built(name: str, change: Callable[[Any], None] | None = None) -> BaseModel:
    return build_untrained(dict(model=narrow(name, change), default_scope='mmdet'))[1]


def one_class(model: Any) -> None:
    narrow_rois(model)
    model.roi_head.bbox_head.num_classes = 1


def test_a_detector_of_one_class_trains_on_it() -> None:
    """MMDetection's own demo_mm_inputs raises `low >= high` for it."""
    model = built(FASTER, one_class)
    batch = random_batch(model, (64, 64))
    for sample in batch['data_samples']:
        assert sample.gt_instances.labels.eq(0).all()
    assert 'loss_bbox' in run_student(model, batch)


def test_a_batch_is_the_same_at_every_call_and_draws_nothing() -> None:
    model, state = built(FASTER, narrow_rois), torch.get_rng_state()
    first, second = random_batch(model, (64, 96)), random_batch(model, (64, 96))
    assert torch.equal(first['inputs'][0], second['inputs'][0])
    boxes = [one['data_samples'][1].gt_instances.bboxes for one in (first, second)]
    assert torch.equal(*boxes)
    assert torch.equal(torch.get_rng_state(), state)


def test_boxes_lie_in_the_image_and_are_not_small() -> None:
    (sample, _) = random_batch(built(FASTER, narrow_rois), (64, 96))['data_samples']
    x1, y1, x2, y2 = sample.gt_instances.bboxes.T
    assert (x1 >= 0).all() and (y1 >= 0).all()
    assert (x2 <= 96).all() and (y2 <= 64).all()
    assert (x2 - x1 >= 12).all() and (y2 - y1 >= 8).all()


def test_labels_are_those_that_every_head_knows() -> None:
    def three(model: Any) -> None:
        narrow_dense(model)
        model.bbox_head.num_classes = 3

    batch = random_batch(built(ONE_STAGE['FCOS'], three), (64, 64), num_images=20)
    labels = torch.cat([one.gt_instances.labels for one in batch['data_samples']])
    assert set(labels.tolist()) == {0, 1, 2}


def test_a_detector_without_an_rpn_gets_proposals() -> None:
    model = built('fast_rcnn/fast-rcnn_r50_fpn_1x_coco', narrow_fast)
    batch = random_batch(model, (64, 64))
    assert batch['data_samples'][0].proposals.bboxes.shape == (50, 4)
    assert 'loss_cls' in run_student(model, batch)


def narrow_fast(model: Any) -> None:
    model.roi_head.bbox_roi_extractor.out_channels = 32
    model.roi_head.bbox_head.update(in_channels=32, fc_out_channels=32, num_classes=10)


def make_lighter(model: Any) -> None:
    """Fewer RoIs and points; the rest is stock."""
    train_cfg: Any = model.get('train_cfg') or {}
    stages = train_cfg.get('rcnn') or []
    for stage in stages if isinstance(stages, list) else [stages]:
        stage.sampler.num = 16
    if 'num_points' in train_cfg:
        train_cfg.num_points = 128


STOCK = {
    'htc/htc_r50_fpn_1x_coco': 'loss_semantic_seg',
    'panoptic_fpn/panoptic-fpn_r50_fpn_1x_coco': 'loss_seg',
    'mask2former/mask2former_r50_8xb2-lsj-50e_coco-panoptic': 'loss_mask',
    'solo/decoupled-solo-light_r50_fpn_3x_coco': 'loss_mask',
    'crowddet/crowddet-rcnn_r50_fpn_8xb2-30e_crowdhuman': 'loss_rcnn_emd',
    'yolox/yolox_tiny_8xb8-300e_coco': 'loss_obj',
    'ssd/ssd300_coco': 'loss_cls',
    'tood/tood_r50_fpn_1x_coco': 'loss_cls',
    'boxinst/boxinst_r50_fpn_ms-90k_coco': 'loss_mask_pairwise',
    'centernet/centernet_r18_8xb16-crop512-140e_coco': 'loss_center_heatmap',
    'ld/ld_r18-gflv1-r101_fpn_1x_coco': 'loss_ld',
}


@pytest.mark.slow
@pytest.mark.parametrize('name', STOCK)
def test_a_stock_model_trains_on_a_batch_made_for_it(name: str) -> None:
    """Each needs something else: masks, maps of stuff, a size, the iteration."""
    cfg = get_config(f'mmdet::{name}.py')
    make_lighter(cfg.model)
    model = build_untrained(cfg)[1]
    losses = run_student(model, random_batch(model, (128, 160)))
    assert any(key.endswith(STOCK[name]) for key in losses), sorted(losses)


def test_a_model_that_needs_a_larger_image_gets_one() -> None:
    model = built(ONE_STAGE['RetinaNet'], narrow_dense)
    forward, sizes = model.forward, []

    def picky(inputs: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        sizes.append(tuple(inputs.shape[-2:]))
        if inputs.shape[-1] < 512:
            raise RuntimeError('input image is smaller than kernel')
        return forward(inputs, *args, **kwargs)

    model.forward = picky
    batch = batch_that_trains(model, (64, 64))
    assert batch['inputs'][0].shape == (3, 512, 512)
    assert sizes == [(64, 64), (512, 512)]


def test_a_prompt_names_what_the_labels_point_at() -> None:
    model = built(ONE_STAGE['RetinaNet'], narrow_dense)
    model.language_model = nn.Identity()
    (sample, _) = random_batch(model, (64, 64))['data_samples']
    assert sample.text == WORDS and sample.gt_instances.labels.max() < len(WORDS)


def test_a_semi_supervised_detector_gets_three_branches() -> None:
    name = 'soft_teacher/soft-teacher_faster-rcnn_r50-caffe_fpn_180k_semi-0.1-coco'
    model = get_config(f'mmdet::{name}.py').model
    model.detector = narrow(FASTER, narrow_rois)
    wrapper = build_untrained(dict(model=model, default_scope='mmdet'))[1]
    batch = random_batch(wrapper, (64, 64))
    assert set(batch['inputs']) == {'sup', 'unsup_teacher', 'unsup_student'}
    assert any(key.startswith('sup_') for key in run_student(wrapper, batch))


@pytest.mark.parametrize('head', ['LinearClsHead', 'MultiLabelLinearClsHead'])
def test_classifiers_of_one_label_and_of_several_train_on_it(head: str) -> None:
    cfg = get_config('mmpretrain::resnet/resnet18_8xb16_cifar10.py')
    cfg.model.backbone.update(base_channels=8, stem_channels=8)
    cfg.model.head = dict(type=head, num_classes=10, in_channels=64)
    cfg.data_preprocessor.to_onehot = 'Multi' in head  # as its configs have it
    model = build_untrained(cfg)[1]
    assert run_student(model, random_batch(model, (32, 32)))['loss'].isfinite()


def test_a_classifier_says_how_large_its_images_are() -> None:
    assert image_shape(get_config('mmpretrain::lenet/lenet5_mnist.py')) == (32, 32)
    swin = 'mmpretrain::swin_transformer/swin-base_16xb64_in1k-384px.py'
    assert image_shape(get_config(swin)) == (384, 384)
    assert image_shape(get_config(f'mmdet::{FASTER}.py')) is None
    assert image_shape(Config(dict(default_scope='mmpretrain'))) is None


REFUSED = {
    'mmpretrain::simsiam/simsiam_resnet50_8xb32-coslr-100e_in1k.py': 'SimSiam does not',
    'mmdet::reid/reid_r50_8xb32-6e_mot15train80_test-mot15val20.py': 'on identities',
}


@pytest.mark.parametrize('name', REFUSED)
def test_a_model_of_another_task_says_so(name: str) -> None:
    model = build_untrained(name)[1]
    with pytest.raises(ValueError, match=REFUSED[name]):
        random_batch(model)


def test_a_model_of_neither_library_says_so() -> None:
    with pytest.raises(ValueError, match='neither MMDetection nor MMPretrain'):
        library_of(nn.Linear(1, 1))
