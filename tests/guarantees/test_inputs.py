"""The teacher sees what it was trained on, made from the student's batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmdet.models import DetDataPreprocessor
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.structures import DataSample
from torch import nn

from ckd_mm.hooks import DistillationHook
from ckd_mm.teachers import TeacherInputs, build_teacher

from ..tasks import teacher_model

pytestmark = pytest.mark.slow

SIZES = [(96, 70), (64, 96)]
OTHER = dict(
    mean=[103.53, 116.28, 123.675], std=[1.0] * 3, bgr_to_rgb=False, pad_size_divisor=64
)
PADDED = dict(OTHER, pad_value=7)


def detection_batch() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    images = [
        torch.randint(256, (3, *size), generator=generator, dtype=torch.uint8)
        for size in SIZES
    ]
    samples = [
        DetDataSample(
            metainfo=dict(img_shape=s, ori_shape=s, scale_factor=(1.0, 1.0), img_id=i)
        )
        for i, s in enumerate(SIZES)
    ]
    return dict(inputs=images, data_samples=samples)


@pytest.mark.parametrize('options', [OTHER, PADDED], ids=['caffe', 'own padding'])
def test_a_detector_predicts_as_with_its_own_preprocessor(
    options: dict[str, Any],
    detector_config: Callable[..., Config],
    teacher_of: Callable[[Config], dict[str, Any]],
    tmp_path: Path,
) -> None:
    cfg = detector_config(tmp_path)
    student = preprocessor(DetDataPreprocessor, cfg.model.data_preprocessor)
    cfg.model.data_preprocessor.update(options)
    cfg.model.test_cfg.rcnn.update(score_thr=0.0, max_per_img=50)
    teacher = build_teacher(**teacher_of(cfg))
    seen = student(detection_batch(), training=True)
    inputs = TeacherInputs(student, teacher.data_preprocessor)(**seen)
    with torch.no_grad():
        ours = teacher(inputs, seen['data_samples'], mode='predict')
        own = teacher.test_step(detection_batch())
    for our, stock in zip(ours, own, strict=True):
        assert len(stock.pred_instances) == 50
        for key, value in stock.pred_instances.items():
            torch.testing.assert_close(
                our.pred_instances[key], value, rtol=1e-3, atol=1e-2
            )


def preprocessor(cls: type[nn.Module], cfg: Any, **changes: Any) -> Any:
    options = {key: value for key, value in cfg.items() if key != 'type'}
    return cls(**(options | changes))


AUGMENTS: tuple[dict[str, Any], ...] = (
    dict(type='Mixup', alpha=0.8),
    dict(type='CutMix', alpha=1.0),
    dict(type='ResizeMix', alpha=1.0),
)


def classification_batch() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    shape = (6, 3, 16, 16)
    images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    samples = [DataSample().set_gt_label(i) for i in range(6)]
    return dict(inputs=images, data_samples=samples)


@pytest.mark.parametrize('augment', AUGMENTS, ids=lambda augment: augment['type'])
def test_a_classifier_scores_mixed_images_as_with_its_own_preprocessor(
    augment: dict[str, Any],
    classifier_config: Callable[..., Config],
    teacher_of: Callable[[Config], dict[str, Any]],
    tmp_path: Path,
) -> None:
    """The same images mixed by the same chance in either preprocessor."""
    cfg = classifier_config(tmp_path)
    cfg.data_preprocessor.update(mean=[127.5] * 3, std=[60.0] * 3, to_rgb=True)
    teacher = build_teacher(**teacher_of(cfg))
    mixed = dict(num_classes=10, batch_augments=dict(augments=augment))
    student = ClsDataPreprocessor(mean=[33.0] * 3, std=[80.0] * 3, **mixed)
    own = preprocessor(ClsDataPreprocessor, cfg.data_preprocessor, **mixed)
    seen, expected = (with_seed(p, classification_batch()) for p in (student, own))
    assert 'gt_score' in seen['data_samples'][0]
    inputs = TeacherInputs(student, teacher.data_preprocessor)(**seen)
    with torch.no_grad():
        torch.testing.assert_close(
            teacher(inputs, mode='tensor'),
            teacher(expected['inputs'], mode='tensor'),
            rtol=1e-4,
            atol=1e-5,
        )


def with_seed(preprocessor: Any, batch: dict[str, Any]) -> dict[str, Any]:
    torch.manual_seed(3)
    np.random.seed(3)
    return preprocessor(batch, training=True)


class Sizes(Hook):
    """Height and width of what both backbones get."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.student: list[tuple[int, ...]] = []
        self.teacher: list[tuple[int, ...]] = []

    def before_train(self, runner: Runner) -> None:
        hook = next(hook for hook in runner.hooks if isinstance(hook, DistillationHook))
        models = (runner.model, teacher_model(hook))
        for model, sizes in zip(models, (self.student, self.teacher), strict=True):
            model.backbone.register_forward_pre_hook(
                lambda module, args, sizes=sizes: sizes.append(args[0].shape[2:])
            )


@pytest.mark.parametrize(
    'augment',
    [
        dict(type='BatchSyncRandomResize', random_size_range=(160, 192), interval=1),
        dict(type='BatchFixedSizePad', size=(160, 160)),
    ],
    ids=lambda augment: augment['type'],
)
def test_a_batch_that_was_resized_while_training_is_the_teachers_as_well(
    augment: dict[str, Any],
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    cfg = detector_config(tmp_path, epochs=2)
    cfg.model.data_preprocessor.batch_augments = [augment]
    teacher = Config.fromfile(detector_teacher['config'])
    teacher.model.data_preprocessor.update(OTHER, pad_size_divisor=32)
    cfg.custom_hooks = [
        dict(
            type='DistillationHook',
            teacher=dict(detector_teacher, config=teacher.to_dict()),
            distill=dict(ckd=dict(on='roi_logits', loss=dict(type='CKDLoss'))),
        ),
    ]
    runner, sizes = Runner.from_cfg(cfg), Sizes()
    runner.register_hook(sizes)
    runner.train()
    num_steps = runner.iter  # the student runs in the validation after the last as well
    assert sizes.student[:num_steps] == sizes.teacher
    assert (160, 160) in sizes.student or (192, 192) in sizes.student
