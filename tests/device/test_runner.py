"""MMEngine's whole `Runner.train()` on the device, with real hooks and teachers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook

pytestmark = pytest.mark.slow

CKD = dict(on='roi_logits', loss=dict(type='CKDLoss', temperature=0.1))
KD = dict(on='logits', loss=dict(type='KDLoss'))
NECK = dict(student_channels=[32] * 5, teacher_channels=[64] * 5)
CRD = dict(num_samples=1500, student_channels=64, teacher_channels=128)
AMP = {'optim_wrapper.type': 'AmpOptimWrapper', 'optim_wrapper.dtype': 'float16'}


def on_neck(loss: str) -> dict[str, Any]:
    return dict(on='neck', loss=dict(type=loss, **NECK))


DETECTORS: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
    'CKD': (dict(ckd=CKD), {}, {}),
    'evaluated': (dict(ckd=CKD), dict(evaluate=True), {}),
    'fast teacher': (
        dict(ckd=CKD),
        dict(dtype='bfloat16', channels_last=True, stream=True),
        {},
    ),
    'float16 with connectors': (dict(ckd=CKD, maps=on_neck('ReviewKDLoss')), {}, AMP),
    'clipped and accumulated': (
        dict(ckd=CKD, maps=on_neck('FitNetLoss')),
        {},
        {
            'optim_wrapper.clip_grad': dict(max_norm=1.0),
            'optim_wrapper.accumulative_counts': 2,
        },
    ),
}
CLASSIFIERS: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
    'KD': (dict(kd=KD), {}, {}),
    'CRD and float16': (
        dict(crd=dict(on='embedding', loss=dict(type='CRDLoss', **CRD))),
        {},
        AMP,
    ),
}


@pytest.mark.parametrize('case', DETECTORS)
def test_a_detector_trains(
    device: Any,
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
    case: str,
) -> None:
    distill, options, changes = DETECTORS[case]
    cfg = detector_config(tmp_path, **changes)
    check(train(cfg, dict(detector_teacher, **options), distill, device))


@pytest.mark.parametrize('case', CLASSIFIERS)
def test_a_classifier_trains(
    device: Any,
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
    case: str,
) -> None:
    distill, options, changes = CLASSIFIERS[case]
    cfg = classifier_config(tmp_path, **changes)
    check(train(cfg, dict(classifier_teacher, **options), distill, device))


def test_two_teachers_and_the_students_average(
    device: Any,
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    teachers = [detector_teacher, dict(detector_teacher, weight=2.0), dict(ema=True)]
    cfg = detector_config(tmp_path)
    cfg.custom_hooks = [dict(type='EMAHook')]
    check(train(cfg, teachers, dict(ckd=CKD), device))


def train(
    cfg: Config, teacher: Any, distill: dict[str, Any], device: Any
) -> tuple[Runner, Counted]:
    runner = Runner.from_cfg(cfg)
    hook = Counted(teacher, distill, device)
    runner.register_hook(hook)
    runner.train()
    return runner, hook


def check(trained: tuple[Runner, Counted]) -> None:
    """Everything is on the device, losses are finite, and the hook never waits."""
    runner, hook = trained
    assert {one.device.type for one in runner.model.parameters()} == {'cuda'}
    for key, value in runner.message_hub.log_scalars.items():
        if 'loss' in key:
            assert torch.isfinite(torch.tensor(value.data[0])).all(), key
    assert hook.counts == {}
    saved = torch.load(
        Path(runner.work_dir) / 'epoch_1.pth', map_location='cpu', weights_only=False
    )
    assert saved['state_dict'].keys() == runner.model.state_dict().keys()


class Counted(DistillationHook):
    """The hook, with what it waits for around each step."""

    def __init__(self, teacher: Any, distill: dict[str, Any], device: Any) -> None:
        super().__init__(teacher, distill)
        self.device, self.counts = device, Counter[str]()

    def before_train_iter(self, *args: Any, **kwargs: Any) -> None:
        with self.device.record() as record:
            super().before_train_iter(*args, **kwargs)
        self.counts += record.counts()

    def after_train_iter(self, *args: Any, **kwargs: Any) -> None:
        with self.device.record() as record:
            super().after_train_iter(*args, **kwargs)
        self.counts += record.counts()
