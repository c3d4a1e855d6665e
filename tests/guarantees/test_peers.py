"""Peers leave the student's run as it is, and are resumed, clipped and evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.hooks import DistillationHook

from ..conftest import stock_model
from ..tasks import Task, differences, weights
from .interruption import SeedEachEpoch
from .test_optimization import allow_amp_on_cpu

__all__ = ['allow_amp_on_cpu']

CLIP = dict(clip_grad=dict(max_norm=0.01))
SEED = dict(type=SeedEachEpoch.__name__)
KD = dict(type='KDLoss', temperature=1.0)
TERMS: dict[str, dict[str, Any]] = {
    'classifier': dict(
        logits=dict(on='logits', loss=KD),
        mutual=dict(
            on='embedding',
            loss=dict(type='MCLLoss', embedding_channels=16),
            learner='both',
            teacher='peer0',
        ),
    ),
    'detector': dict(
        maps=dict(on='neck', loss=dict(type='PKDLoss')),
        rois=dict(on='roi_logits', loss=KD),
    ),
}


def peer(cfg: Config) -> dict[str, Any]:
    """One that draws random numbers in each step, under other names of nothing else."""
    model = cfg.model.to_dict()
    if cfg.default_scope == 'mmpretrain':
        model['head'] = dict(
            type='StackedLinearClsHead',
            num_classes=10,
            in_channels=model['head']['in_channels'],
            mid_channels=[32],
            dropout_rate=0.5,
        )
    model.setdefault('data_preprocessor', cfg.get('data_preprocessor'))
    return dict(model=model, default_scope=cfg.default_scope)


def config(
    task: Task,
    work_dir: Path,
    weight: float = 1.0,
    checkpoint: Path | None = None,
    **changes: Any,
) -> Config:
    """Two epochs in which the student and a peer learn from each other."""
    distill = {}
    for name, term in TERMS[task.name].items():
        loss = dict(term['loss'], loss_weight=weight)
        distill[name] = dict(term, loss=loss)
        if 'learner' not in term:
            distill[f'{name}_to_peer'] = dict(term, learner='peer0')
    made: dict[str, Any] = dict(config=peer(task.config(work_dir / 'unused')))
    if checkpoint is not None:
        made['checkpoint'] = str(checkpoint)
    hook = dict(type='DistillationHook', peers=[made], distill=distill)
    cfg = task.config(work_dir, epochs=2, custom_hooks=[hook, SEED])
    cfg.merge_from_dict(changes)
    return cfg


def saved(runner: Runner) -> dict[str, Any]:
    path = Path(runner.work_dir) / f'epoch_{runner.max_epochs}.pth'
    return torch.load(path, weights_only=False)


def differing(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> list[str]:
    assert {*one} == {*other}
    return [name for name, value in one.items() if not torch.equal(value, other[name])]


@pytest.mark.parametrize('clip', [{}, CLIP], ids=['as it is', 'clipped'])
def test_at_weight_zero_towards_it_the_student_is_that_of_the_stock_run(
    task: Task,
    clip: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    cfg = task.config(tmp_path / 'stock', epochs=2, custom_hooks=[SEED])
    cfg.optim_wrapper.update(clip)
    stock = run(cfg)
    cfg = config(task, tmp_path / 'zero', 0.0, optim_wrapper=clip)
    if clip:  # a loss that learns is in the student's norm: zeros change its rounding
        cfg.custom_hooks[0].distill.pop('mutual', None)
    runner = run(cfg)
    assert differences(weights(stock), weights(runner)) == {}
    norms = [
        one.message_hub.log_scalars.get('train/grad_norm') for one in (stock, runner)
    ]
    if clip:
        assert [*norms[0].data[0]] == [*norms[1].data[0]]
    stock_model(cfg).load_state_dict(saved(runner)['state_dict'], strict=True)
    first = Path(runner.work_dir) / 'epoch_1.pth'
    before = torch.load(first, weights_only=False)['ckd_mm']
    assert len(differing(before, saved(runner)['ckd_mm'])) > len(before) / 2


def test_a_resumed_run_ends_the_same_bit_for_bit_also_in_its_peer(
    task: Task, run: Callable[[Config], Runner], tmp_path: Path
) -> None:
    """With the losses that learn; the file of a peer is that of its first weights."""
    file = tmp_path / 'peer.pth'
    torch.save(stock_model(Config(peer(task.config(tmp_path)))).state_dict(), file)
    whole = run(config(task, tmp_path / 'whole', checkpoint=file))
    cfg = config(task, tmp_path / 'resumed', checkpoint=file)
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole/epoch_1.pth')
    resumed = run(cfg)
    assert differences(weights(whole), weights(resumed)) == {}
    assert differing(saved(whole)['ckd_mm'], saved(resumed)['ckd_mm']) == []
    assert not any('ckd_mm' in name for name in weights(whole))


class Watch(Hook):
    """Notes the first weights of all models, and the groups of the optimizer."""

    def before_train(self, runner: Runner) -> None:
        hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
        models = {'student': runner.model, **hook.connectors.modules}
        self.first = {
            name: model.backbone.conv1.weight.detach().clone()
            for name, model in models.items()
        }
        peer = {id(one) for one in models['peer0'].parameters()}
        self.rates = {
            group['lr']
            for group in runner.optim_wrapper.param_groups
            if any(id(one) in peer for one in group['params'])
        }


def same(cfg: Config, **options: Any) -> dict[str, Any]:
    """A peer like the student, without weights."""
    return dict(
        config=dict(model=cfg.model.to_dict(), default_scope='mmpretrain'), **options
    )


def test_equal_models_start_from_other_weights_and_have_their_own_settings(
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    cfg = classifier_config(tmp_path)
    kd = dict(on='logits', loss=KD)
    terms = dict(
        one=dict(kd, teacher='peer0'), two=dict(kd, learner='peer1', teacher='peer0')
    )
    peers = [same(cfg), same(cfg, evaluate=False, loss_weight=0.5)]
    cfg.custom_hooks = [
        dict(type='DistillationHook', peers=peers, distill=terms),
        dict(type=Watch),
    ]
    keys = {'ckd_mm.peer0': dict(lr_mult=0.1)}
    cfg.optim_wrapper.paramwise_cfg = dict(custom_keys=keys)
    cfg.train_cfg.val_interval = 1
    runner = run(cfg)
    (watch,) = (one for one in runner.hooks if isinstance(one, Watch))
    student, first, second = watch.first.values()
    for one, other in ((student, first), (student, second), (first, second)):
        assert (one - other).abs().max() > 0.01
    assert [*watch.rates] == [pytest.approx(0.01)]
    logged = runner.message_hub.log_scalars
    for key in ('peer0/loss', 'peer1/loss', 'loss_one', 'loss_two', 'loss_student'):
        assert len(logged[f'train/{key}'].data[0]) == runner.iter, key
    first, second = (logged[f'train/peer{number}/loss'].current() for number in (0, 1))
    assert second < 0.75 * first  # about half, as it counts half
    scalars = (tmp_path / runner.timestamp / 'vis_data/scalars.json').read_text()
    assert '"peer0/accuracy/top1"' in scalars
    assert '"peer1/accuracy/top1"' not in scalars


def test_a_run_leaves_no_hook_on_any_model(
    task: Task, run: Callable[[Config], Runner], tmp_path: Path
) -> None:
    runner = run(config(task, tmp_path))
    hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
    for model in (runner.model, hook.connectors.modules['peer0']):
        for module in model.modules():
            for one in (*module._forward_hooks.values(),):
                assert not one.__module__.startswith('ckd_mm')


@pytest.mark.usefixtures('allow_amp_on_cpu')
def test_a_run_in_half_precision_trains_both(
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    """With gradients of two steps in one update, and no validation."""
    cfg = classifier_config(tmp_path)
    kd = dict(on='logits', loss=KD)
    hook = dict(
        type='DistillationHook',
        peers=[same(cfg)],
        distill=dict(kd=kd, to_peer=dict(kd, learner='peer0')),
    )
    cfg.custom_hooks = [hook, dict(type=Watch)]
    cfg.optim_wrapper.update(
        type='AmpOptimWrapper', dtype='bfloat16', accumulative_counts=2
    )
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    runner = run(cfg)
    (watch,) = (one for one in runner.hooks if isinstance(one, Watch))
    after = saved(runner)
    for name, state in (
        ('student', after['state_dict']['backbone.conv1.weight']),
        ('peer0', after['ckd_mm']['peer0.backbone.conv1.weight']),
    ):
        assert (state - watch.first[name]).abs().max() > 1e-3, name
        assert state.isfinite().all()


def test_widths_of_a_peer_that_learns_are_read(
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    """The layer between both models is the term's, beside the peer in the optimizer."""
    cfg = classifier_config(tmp_path)
    narrow = classifier_config(tmp_path, width=4)
    fit = dict(on='backbone', loss=dict(type='FitNetLoss'), learner='peer0')
    peer = dict(
        config=dict(model=narrow.model.to_dict(), default_scope='mmpretrain'),
        evaluate=False,
    )
    cfg.custom_hooks = [
        dict(type='DistillationHook', peers=[peer], distill=dict(fit=fit))
    ]
    kept = saved(run(cfg))['ckd_mm']
    shapes = {
        tuple(value.shape[:2])
        for name, value in kept.items()
        if name.startswith('fit.') and value.dim() == 4
    }
    assert shapes == {(64, 32)}
