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
from torch.utils._pytree import tree_leaves

from ckd_mm.commands.fill_cache import cache_teacher
from ckd_mm.hooks import DistillationHook
from device.records import Wait

pytestmark = pytest.mark.slow

CKD = dict(on='roi_logits', loss=dict(type='CKDLoss', temperature=0.1))
KD = dict(on='logits', loss=dict(type='KDLoss'))
NECK = dict(student_channels=[32] * 5, teacher_channels=[64] * 5)
CRD = dict(num_samples=400, student_channels=64, teacher_channels=128)
AMP = {'optim_wrapper.type': 'AmpOptimWrapper', 'optim_wrapper.dtype': 'float16'}

FEW_IMAGES = {'train_dataloader.dataset.indices': 64, 'train_dataloader.batch_size': 16}


def on_neck(loss: str) -> dict[str, Any]:
    return dict(on='neck', loss=dict(type=loss, **NECK))


def shared(term: dict[str, Any], share: float) -> dict[str, Any]:
    """A term whose weight keeps a share, measured in every step."""
    keep = dict(type='GradientShare', share=share, of='backbone', interval=1)
    return term | dict(schedule=keep)


DETECTORS: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
    'CKD': (dict(ckd=CKD), {}, {}),
    'evaluated': (dict(ckd=CKD), dict(evaluate=True), {}),
    'fast teacher': (
        dict(ckd=CKD),
        dict(dtype='bfloat16', channels_last=True, stream=True),
        {},
    ),
    'float16 with connectors': (dict(ckd=CKD, maps=on_neck('ReviewKDLoss')), {}, AMP),
    'shares of the gradient': (
        dict(ckd=shared(CKD, 0.1), maps=shared(on_neck('FGDLoss'), 0.05)),
        {},
        {},
    ),
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
    'CRD': (dict(crd=dict(on='embedding', loss=dict(type='CRDLoss', **CRD))), {}, {}),
    'float16': (dict(kd=KD), {}, {**AMP, **FEW_IMAGES}),
    'a share of the gradient in float16': (
        dict(kd=shared(KD, 0.1)),
        {},
        {**AMP, **FEW_IMAGES, 'optim_wrapper.accumulative_counts': 2},
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


@pytest.fixture(scope='module')
def cached(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """A teacher whose outputs of two epochs are in a cache, made on the CPU."""
    folder = tmp_path_factory.mktemp('cached')
    cfg = classifier_config(folder, **FEW_IMAGES)
    terms = dict(kd=KD, sp=dict(on='embedding', loss=dict(type='SPLoss')))
    hook = dict(type='DistillationHook', teacher=classifier_teacher, distill=terms)
    cfg.custom_hooks = [hook]
    cache_teacher(cfg, folder / 'cache', epochs=2, dtype='float32')
    return dict(cache=str(folder / 'cache'))


def test_a_cached_teacher_is_read_without_a_wait(
    cached: dict[str, Any],
    device: Any,
    classifier_config: Callable[..., Config],
    tmp_path: Path,
) -> None:
    cfg = classifier_config(tmp_path, **FEW_IMAGES)
    check(train(cfg, cached, dict(kd=KD), device))


def test_a_checkpoint_is_read_without_a_gpu(
    device: Any,
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    distill = dict(maps=on_neck('FitNetLoss'))
    runner, _ = train(detector_config(tmp_path), detector_teacher, distill, device)
    saved = torch.load(Path(runner.work_dir) / 'epoch_1.pth', weights_only=False)
    places = {
        one.device.type for one in tree_leaves(saved) if isinstance(one, torch.Tensor)
    }
    assert places == {'cpu'}


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
    """The hook, with what it and our code in the steps wait for, without the first."""

    def __init__(self, teacher: Any, distill: dict[str, Any], device: Any) -> None:
        super().__init__(teacher, distill)
        self.device, self.counts, self.start = device, Counter[str](), 0

    def before_train_iter(self, *args: Any, **kwargs: Any) -> None:
        with self.device.record() as record:
            super().before_train_iter(*args, **kwargs)
        self.counts += record.counts()
        self.start = len(self.device.waits)

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        step = self.device.waits[self.start :]
        if runner.iter:
            self.counts.update(str(one) for one in step if is_ours(one))
        with self.device.record() as record:
            super().after_train_iter(runner, *args, **kwargs)
        self.counts += record.counts()


def is_ours(wait: Wait) -> bool:
    return bool(wait.lines) and wait.lines[0].startswith('ckd_mm/')
