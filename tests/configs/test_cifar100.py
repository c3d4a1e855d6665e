"""The CIFAR-100 configs: data, schedules, and teachers that can be built."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import OPTIMIZERS, PARAM_SCHEDULERS

from ckd_mm.models.benchmark import tensors
from ckd_mm.models.convert import convert_checkpoint
from ckd_mm.teachers import build_teacher

FOLDER = Path(__file__).parents[2] / 'configs' / 'mmpretrain' / 'cifar100'
SLOW_STARTERS = ('mobilenetv2', 'shufflev1', 'shufflev2')
TEACHERS = {
    'resnet56': 'resnet56',
    'resnet110': 'resnet110',
    'resnet32x4': 'resnet32x4',
    'resnet50': 'ResNet50',
    'wrn-40-2': 'wrn_40_2',
    'vgg13': 'vgg13',
}


def rates(name: str) -> list[float]:
    """The learning rate of each epoch."""
    cfg = Config.fromfile(FOLDER / name)
    weights = torch.nn.Parameter(torch.zeros(1))
    optimizer = OPTIMIZERS.build(cfg.optim_wrapper.optimizer | dict(params=[weights]))
    scheduler = PARAM_SCHEDULERS.build(cfg.param_scheduler | dict(optimizer=optimizer))
    seen = []
    for _ in range(cfg.train_cfg.max_epochs):
        seen.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    return [*seen, optimizer.param_groups[0]['lr']]


def test_240_epochs_have_three_steps() -> None:
    expected = [0.05] * 150 + [0.005] * 30 + [0.0005] * 30 + [0.00005] * 31
    assert rates('resnet8x4_240e_cifar100.py') == pytest.approx(expected)


def test_480_epochs_fall_to_zero_as_a_cosine() -> None:
    expected = [0.025 * (1 + math.cos(math.pi * i / 480)) for i in range(481)]
    seen = rates('resnet8x4_480e_cifar100.py')
    assert seen == pytest.approx(expected, abs=1e-9)
    assert seen[-1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize('path', sorted(FOLDER.glob('*e_cifar100.py')), ids=str)
def test_small_nets_start_at_a_lower_rate(path: Path) -> None:
    cfg = Config.fromfile(path)
    expected = 0.01 if path.stem.startswith(SLOW_STARTERS) else 0.05
    assert cfg.optim_wrapper.optimizer == dict(
        type='SGD', lr=expected, momentum=0.9, weight_decay=5e-4
    )
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == 64


def test_data_are_the_stock_ones_with_the_benchmarks_statistics() -> None:
    cfg = Config.fromfile(FOLDER / 'vgg8_240e_cifar100.py')
    assert cfg.train_dataloader.dataset.type == 'CIFAR100'
    assert cfg.train_dataloader.dataset.pipeline[0] == dict(
        type='RandomCrop', crop_size=32, padding=4
    )
    scaled = [value / 255 for value in cfg.data_preprocessor.mean]
    assert scaled == pytest.approx([0.5071, 0.4867, 0.4408])
    scaled = [value / 255 for value in cfg.data_preprocessor.std]
    assert scaled == pytest.approx([0.2675, 0.2565, 0.2761])


@pytest.mark.parametrize('name', TEACHERS)
def test_a_teacher_is_built_from_a_converted_checkpoint(
    name: str, tmp_path: Path
) -> None:
    network = TEACHERS[name]
    weights = {key: torch.zeros(shape) for key, (_, shape) in tensors(network).items()}
    torch.save({'model': weights}, tmp_path / 'source.pth')
    convert_checkpoint(tmp_path / 'source.pth', tmp_path / 'teacher.pth', network)
    config = FOLDER / f'{name}_240e_cifar100.py'
    teacher = build_teacher(config, tmp_path / 'teacher.pth')
    assert not any(value.any() for value in teacher.parameters())
    expected = torch.tensor([0.5071, 0.4867, 0.4408]) * 255
    assert torch.allclose(teacher.data_preprocessor.mean.flatten(), expected)
