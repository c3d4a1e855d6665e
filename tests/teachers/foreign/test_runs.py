"""Whole runs beside a teacher of another library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.teachers import read_teachers
from ckd_mm.teachers.loading.build import build_model

from ...adapters.pairs import pair
from ...tasks import differences, weights
from .libraries import CASES
from .steps import STUDENTS, batch_for


def hook(folder: Path, weight: float) -> dict[str, Any]:
    """A foreign teacher, whose last block is compared with a level of the neck."""
    teacher = CASES['transformers DINOv2'].config(folder)
    on = dict(student='neck:2', teacher='blocks:-1')
    loss = dict(type='FitNetLoss', loss_weight=weight)
    return dict(
        type='DistillationHook',
        teacher=teacher,
        distill=dict(fit=dict(on=on, loss=loss)),
    )


@pytest.mark.slow
def test_weight_0_is_the_stock_run_and_the_checkpoint_is_the_students(
    detector_config: Callable[..., Config], tmp_path: Path
) -> None:
    runners: dict[str, Runner] = {}
    for name, weight in (('stock', None), ('off', 0.0), ('on', 1.0)):
        cfg = detector_config(tmp_path / name)
        if weight is not None:
            cfg.custom_hooks = [hook(tmp_path, weight)]
        runners[name] = Runner.from_cfg(Config.fromstring(cfg.pretty_text, '.py'))
        runners[name].train()
    assert differences(weights(runners['stock']), weights(runners['off'])) == {}
    assert differences(weights(runners['stock']), weights(runners['on'])) != {}
    saved = {
        name: torch.load(tmp_path / name / 'epoch_1.pth', weights_only=False)
        for name in runners
    }
    assert saved['on']['state_dict'].keys() == saved['stock']['state_dict'].keys()
    logged = runners['on'].message_hub.get_scalar('train/loss_fit').current()
    assert logged > 0


@pytest.mark.parametrize('name', CASES)
def test_building_one_leaves_the_random_states_alone(name: str, tmp_path: Path) -> None:
    (kind,) = read_teachers(CASES[name].config(tmp_path))
    before = torch.get_rng_state()
    runner: Any = None  # no kind of another library looks at it
    teacher: Any = kind.build(runner, torch.device('cpu'))
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(one.requires_grad for one in teacher.model.parameters())
    assert not teacher.model.training


@pytest.mark.parametrize('student_name', ['Faster R-CNN', 'DINO'])
def test_a_classifier_of_mmpretrain_beside_a_detector(student_name: str) -> None:
    """Its map is what its own backbone gives of the same images."""
    cfg = get_config('mmpretrain::resnet/resnet18_8xb16_cifar10.py')
    cfg.model.backbone = dict(type='mmpretrain.ResNet', depth=18, out_indices=(2, 3))
    cfg.data_preprocessor = dict(mean=[0.0] * 3, std=[255.0] * 3, to_rgb=True)
    teacher = _with_random_weights(cfg)
    build, level = STUDENTS[student_name]
    student = build().train()
    batch = batch_for(student)
    found = pair(student, teacher, batch, dict(student=level, teacher='backbone:-1'))
    expected = _own(teacher, batch['inputs'])
    assert found['teacher'].shape == expected.shape
    torch.testing.assert_close(found['teacher'], expected, rtol=1e-3, atol=1e-4)


def _with_random_weights(cfg: Config) -> Any:
    torch.manual_seed(0)
    model = build_model(cfg)
    model.init_weights()
    return model.eval()


def _own(teacher: Any, images: list[Tensor]) -> Tensor:
    size = [max(image.shape[axis] for image in images) for axis in (1, 2)]
    canvas = torch.zeros(len(images), 3, *size)
    for row, image in zip(canvas, images, strict=True):
        row[:, : image.shape[1], : image.shape[2]] = image.flip(0) / 255
    with torch.no_grad():
        return teacher.backbone(canvas)[-1]
