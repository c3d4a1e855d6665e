"""The CIFAR-100 configs: data, schedules, and teachers that can be built."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from ckd_mm.models.benchmark import tensors
from ckd_mm.models.convert import convert_checkpoint
from ckd_mm.teachers import build_teacher

from .catalog import CONFIGS, RECIPES, ROOT, distilling_hook, loaded, rates

FOLDER = 'configs/mmpretrain/cifar100'
SLOW_STARTERS = ('mobilenetv2', 'shufflev1', 'shufflev2')
IN_SMALL_BATCHES = ('wrn-40-1', 'shufflev1', 'mobilenetv2')  # by CKD's authors
# CKD's weight and temperature by its authors; DKD's beta by its authors
PAIRS = {
    ('resnet56', 'resnet20'): (10, 1, 2),
    ('resnet110', 'resnet32'): (10, 1, 2),
    ('resnet32x4', 'resnet8x4'): (100, 1, 8),
    ('wrn-40-2', 'wrn-16-2'): (100, 1, 6),
    ('wrn-40-2', 'wrn-40-1'): (50, 2, 6),
    ('vgg13', 'vgg8'): (100, 1, 6),
    ('resnet32x4', 'shufflev1'): (100, 1, 8),
    ('resnet32x4', 'shufflev2'): (100, 1, 8),
    ('wrn-40-2', 'shufflev1'): (100, 1, 8),
    ('vgg13', 'mobilenetv2'): (50, 2, 6),
    ('resnet50', 'mobilenetv2'): (100, 1, 8),
}
# ReviewKD's weight by its authors, 5 where they have none, and the width of its fusion
REVIEWKD = {
    ('resnet56', 'resnet20'): (0.6, 64),
    ('resnet110', 'resnet32'): (1, 64),
    ('resnet32x4', 'resnet8x4'): (5, 256),
    ('wrn-40-2', 'wrn-16-2'): (5, 128),
    ('wrn-40-2', 'wrn-40-1'): (5, 64),
    ('vgg13', 'vgg8'): (5, 512),
    ('resnet32x4', 'shufflev1'): (5, 512),
    ('resnet32x4', 'shufflev2'): (8, 512),
    ('wrn-40-2', 'shufflev1'): (5, 512),
    ('vgg13', 'mobilenetv2'): (5, 512),
    ('resnet50', 'mobilenetv2'): (5, 512),
}
TEACHERS = {
    'resnet56': 'resnet56',
    'resnet110': 'resnet110',
    'resnet32x4': 'resnet32x4',
    'resnet50': 'ResNet50',
    'wrn-40-2': 'wrn_40_2',
    'vgg13': 'vgg13',
}
NETWORKS = TEACHERS | {
    'resnet20': 'resnet20',
    'resnet32': 'resnet32',
    'resnet8x4': 'resnet8x4',
    'wrn-16-2': 'wrn_16_2',
    'wrn-40-1': 'wrn_40_1',
    'vgg8': 'vgg8',
    'shufflev1': 'ShuffleV1',
    'shufflev2': 'ShuffleV2',
    'mobilenetv2': 'MobileNetV2',
}


def test_240_epochs_have_three_steps() -> None:
    expected = [0.05] * 150 + [0.005] * 30 + [0.0005] * 30 + [0.00005] * 31
    assert rates(f'{FOLDER}/resnet8x4_240e_cifar100.py') == pytest.approx(expected)


def test_480_epochs_fall_to_zero_as_a_cosine() -> None:
    expected = [0.025 * (1 + math.cos(math.pi * i / 480)) for i in range(481)]
    seen = rates(f'{FOLDER}/resnet8x4_480e_cifar100.py')
    assert seen == pytest.approx(expected, abs=1e-9)
    assert seen[-1] == pytest.approx(0, abs=1e-9)


HERE = [path for path in CONFIGS if path.startswith(FOLDER)]
ALONE = [path for path in HERE if Path(path).stem.count('_') == 2]


@pytest.mark.parametrize('path', ALONE)
def test_rate_and_batch_belong_to_the_network_and_schedule(path: str) -> None:
    """So all methods of a pair have those of their student alone."""
    cfg = loaded(path)
    network, schedule, _ = Path(path).stem.split('_')
    rate = 0.01 if network in SLOW_STARTERS else 0.05
    assert cfg.optim_wrapper.optimizer == dict(
        type='SGD', lr=rate, momentum=0.9, weight_decay=5e-4
    )
    is_small = schedule == '480e' and network in IN_SMALL_BATCHES
    batch_size = 32 if is_small else 64
    assert cfg.train_dataloader.batch_size == batch_size
    assert cfg.auto_scale_lr.base_batch_size == batch_size


@pytest.mark.parametrize('schedule', ['240e', '480e'])
@pytest.mark.parametrize(('teacher', 'student'), PAIRS)
def test_a_pair_has_the_settings_of_the_methods_authors(
    teacher: str, student: str, schedule: str
) -> None:
    weight, temperature, beta = PAIRS[teacher, student]
    losses = {
        'ckd': dict(type='CKDLoss', temperature=temperature, loss_weight=weight),
        'kd': dict(type='KDLoss', temperature=4, loss_weight=0.9),
        'dkd': dict(type='DKDLoss', alpha=1, beta=beta, temperature=4),
    }
    for method, loss in losses.items():
        name = f'{method}_{teacher}-{student}_{schedule}_cifar100.py'
        hook = distilling_hook(f'{FOLDER}/{name}')
        assert Path(hook['teacher']['config']).stem == f'{teacher}_240e_cifar100'
        assert hook['distill'][method].loss == loss
        assert hook.get('student_loss_weight', 1) == (0.1 if method == 'kd' else 1)
        warmup = dict(warmup=20) if method == 'dkd' else None
        assert hook['distill'][method].get('schedule') == warmup


def channels(name: str) -> list[int]:
    """Those of the benchmark's features after the stem's, and of the embedding."""
    golden = json.loads((ROOT / 'tests/golden/cifar_models.json').read_text())
    network = golden[NETWORKS[name]]
    return [shape[1] for shape in [*network['feats'][1:], network['pooled']]]


@pytest.mark.parametrize('schedule', ['240e', '480e'])
@pytest.mark.parametrize(('teacher', 'student'), REVIEWKD)
def test_reviewkd_has_the_settings_of_its_authors(
    teacher: str, student: str, schedule: str
) -> None:
    """Whether the named layers are these shows in the step of each config."""
    path = f'{FOLDER}/reviewkd_{teacher}-{student}_{schedule}_cifar100.py'
    term = distilling_hook(path)['distill']['reviewkd']
    weight, mid_channels = REVIEWKD[teacher, student]
    assert term['loss']['loss_weight'] == weight
    assert term['loss']['mid_channels'] == mid_channels
    assert mid_channels == min(512, channels(student)[-1])
    assert term['on'][-1] == 'embedding'
    assert term['schedule'] == dict(warmup=20)


@pytest.mark.parametrize(('method', 'table'), [('ckd', PAIRS), ('reviewkd', REVIEWKD)])
def test_every_pair_is_in_the_table(
    method: str, table: dict[tuple[str, str], tuple]
) -> None:
    names = [Path(path).stem for path in RECIPES if path.startswith(FOLDER)]
    pairs = {name.split('_')[1] for name in names if name.startswith(f'{method}_')}
    assert pairs == {'-'.join(pair) for pair in table}


def test_data_are_the_stock_ones_with_the_benchmarks_statistics() -> None:
    cfg = loaded(f'{FOLDER}/vgg8_240e_cifar100.py')
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
    config = ROOT / FOLDER / f'{name}_240e_cifar100.py'
    teacher = build_teacher(config, tmp_path / 'teacher.pth')
    assert not any(value.any() for value in teacher.parameters())
    expected = torch.tensor([0.5071, 0.4867, 0.4408]) * 255
    assert torch.allclose(teacher.data_preprocessor.mean.flatten(), expected)
