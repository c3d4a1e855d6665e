"""The ImageNet configs: both schedules, and what the methods' authors set."""

from __future__ import annotations

import math

import pytest

from .catalog import distilling_hook, loaded, rates

FOLDER = 'configs/mmpretrain/imagenet'
# DKD's beta by its authors, and the config of the teacher in MMPretrain
PAIRS = {
    'r34-r18': (0.5, 'resnet34_8xb32_in1k.py'),
    'r50-mv1': (2.0, 'resnet50_8xb32_in1k.py'),
}
SCHEDULES = ('100e', 'cosine-200e')
GPUS = 8


@pytest.mark.parametrize('pair', PAIRS)
def test_100_epochs_are_the_stock_ones(pair: str) -> None:
    path = f'{FOLDER}/ckd_{pair}_100e_in1k.py'
    expected = [0.1] * 30 + [0.01] * 30 + [0.001] * 30 + [0.0001] * 11
    assert rates(path) == pytest.approx(expected)
    assert loaded(path).train_dataloader.batch_size * GPUS == 256


@pytest.mark.parametrize('pair', PAIRS)
def test_200_epochs_fall_to_zero_as_a_cosine(pair: str) -> None:
    path = f'{FOLDER}/ckd_{pair}_cosine-200e_in1k.py'
    expected = [0.1 * (1 + math.cos(math.pi * i / 200)) for i in range(201)]
    assert rates(path) == pytest.approx(expected, abs=1e-9)
    cfg = loaded(path)
    assert cfg.train_dataloader.batch_size * GPUS == 512
    assert cfg.auto_scale_lr.base_batch_size == 512
    assert cfg.optim_wrapper.optimizer.weight_decay == 1e-4


@pytest.mark.parametrize('schedule', SCHEDULES)
@pytest.mark.parametrize('pair', PAIRS)
def test_a_pair_has_the_settings_of_the_methods_authors(
    pair: str, schedule: str
) -> None:
    beta, teacher = PAIRS[pair]
    losses = {
        'ckd': dict(type='CKDLoss', temperature=1, loss_weight=10),
        'kd': dict(type='KDLoss', temperature=1, loss_weight=0.5),
        'dkd': dict(type='DKDLoss', alpha=1, beta=beta, temperature=1, loss_weight=1),
    }
    for method, loss in losses.items():
        hook = distilling_hook(f'{FOLDER}/{method}_{pair}_{schedule}_in1k.py')
        assert hook['teacher'] == dict(config=f'mmpretrain::resnet/{teacher}')
        assert hook['distill'] == {method: dict(on='logits', loss=loss)}
        assert hook.get('student_loss_weight', 1) == (0.5 if method == 'kd' else 1)


@pytest.mark.parametrize('schedule', SCHEDULES)
@pytest.mark.parametrize(
    ('pair', 'weight', 'width'), [('r34-r18', 1, 512), ('r50-mv1', 8, 256)]
)
def test_reviewkd_has_the_settings_of_its_authors(
    pair: str, weight: float, width: int, schedule: str
) -> None:
    """Whether the widths fit shows in the step of each config."""
    hook = distilling_hook(f'{FOLDER}/reviewkd_{pair}_{schedule}_in1k.py')
    loss = hook['distill']['reviewkd']['loss']
    assert (loss['loss_weight'], loss['mid_channels']) == (weight, width)
    assert 'schedule' not in hook['distill']['reviewkd']
