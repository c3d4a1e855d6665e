"""`GradientShare` in runs of a real detector and a real classifier."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ckd_mm.engine.distiller import Distiller
from ckd_mm.hooks import DistillationHook

from ..tasks import Task, differences, few_to_compile, weights
from .interruption import SeedEachEpoch
from .test_optimization import (
    CPUAmpOptimWrapper,
    Overflow,
    allow_amp_on_cpu,
    half,
)

__all__ = ['CPUAmpOptimWrapper', 'allow_amp_on_cpu']

pytestmark = pytest.mark.slow

Train = Callable[[Config], Runner]
EPOCHS = dict(detector=8, classifier=2)  # of 2 and of 6 iterations
SHARE = dict(type='GradientShare', share=0.1, of='backbone', interval=1)


def hook_of(task: Task, weight: float = 1.0, **schedule: Any) -> dict[str, Any]:
    """Two terms whose weights follow their shares, which differ."""
    hook = task.hook(weight=weight)
    hook['distill']['ckd']['schedule'] = SHARE | schedule
    hook['distill']['dkd']['schedule'] = SHARE | dict(share=0.05) | schedule
    return hook


def logged(runner: Runner, key: str) -> list[float]:
    return [float(one) for one in runner.message_hub.get_scalar(f'train/{key}').data[0]]


def everything(runner: Runner) -> dict[str, list[float]]:
    """All but times, iteration by iteration."""
    return {
        key: [float(value) for value in history.data[0]]
        for key, history in runner.message_hub.log_scalars.items()
        if 'time' not in key
    }


class WholePasses(Hook):
    """The share of the first term at the backbone, by whole backward passes."""

    def __init__(self) -> None:
        self.shares: list[float] = []

    def before_train(self, runner: Runner) -> None:
        controllers = distiller_of(runner).controllers
        observe = controllers.observe
        parameters = list(runner.model.backbone.parameters())

        def also_here(own: Any, factors: Any, losses: Any) -> Any:
            found = []
            others = {k: v for k, v in losses.items() if k != 'loss_ckd'}
            for each in (dict(loss_ckd=losses['loss_ckd']), others):
                total, _ = runner.model.parse_losses(each)
                total.backward(retain_graph=True)
                grads = [p.grad for p in parameters if p.grad is not None]
                found.append(sum(g.abs().sum().item() for g in grads))
                runner.model.zero_grad()
            self.shares.append(found[0] / sum(found))
            return observe(own, factors, losses)

        controllers.observe = also_here


def test_the_logged_share_is_that_of_whole_backward_passes(
    task: Task, tmp_path: Path
) -> None:
    schedule = dict(momentum=0.0, tolerance=0.04)  # the mean is the last measurement
    cfg = task.config(tmp_path, custom_hooks=[hook_of(task, **schedule)], epochs=2)
    runner = Runner.from_cfg(cfg)
    gradients = WholePasses()
    runner.register_hook(gradients)
    runner.train()
    assert logged(runner, 'ckd_share') == pytest.approx(gradients.shares, rel=1e-3)
    assert len(set(logged(runner, 'ckd_weight'))) > 1


def test_the_share_is_kept_whatever_weight_the_config_gives(
    task: Task, run: Train, tmp_path: Path
) -> None:
    """The product of both weights, which are 100 times as much in one run."""
    ends = []
    for weight in (0.1, 10.0):
        cfg = task.config(
            tmp_path / str(weight),
            epochs=EPOCHS[task.name],
            custom_hooks=[hook_of(task, weight)],
        )
        cfg.optim_wrapper.optimizer.lr = 0.0
        cfg.optim_wrapper.optimizer.weight_decay = 0.0
        runner = run(cfg)
        ends.append(weight * logged(runner, 'ckd_weight')[-1])
    # with other random RoIs in each iteration, of which the mean is taken
    assert max(ends) / min(ends) < 2, ends


def test_at_weight_0_the_student_is_the_stock_runs_bit_for_bit(
    task: Task, run: Train, tmp_path: Path
) -> None:
    stock = run(task.config(tmp_path / 'stock', epochs=2))
    hook = hook_of(task, weight=0.0)
    zero = run(task.config(tmp_path / 'zero', epochs=2, custom_hooks=[hook]))
    assert differences(weights(stock), weights(zero)) == {}
    assert set(logged(zero, 'ckd_weight')) == {1.0}
    saved = [
        torch.load(Path(one.work_dir) / 'epoch_2.pth', weights_only=False)
        for one in (stock, zero)
    ]
    assert saved[0]['state_dict'].keys() == saved[1]['state_dict'].keys()
    assert 'ckd:schedule.weight' in saved[1]['ckd_mm']


@pytest.mark.parametrize('update', ['iteration', 'epoch'])
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(
    task: Task, run: Train, tmp_path: Path, update: str
) -> None:
    def config(folder: str) -> Config:
        hooks = [hook_of(task, update=update), dict(type=SeedEachEpoch.__name__)]
        return task.config(tmp_path / folder, epochs=3, custom_hooks=hooks)

    whole = run(config('whole'))
    cfg = config('resumed')
    cfg.load_from, cfg.resume = str(tmp_path / 'whole/epoch_1.pth'), True
    resumed = run(cfg)
    assert differences(weights(whole), weights(resumed)) == {}
    assert everything(resumed) == everything(whole)
    assert len(set(logged(whole, 'ckd_weight'))) > 1


def test_a_checkpoint_without_the_weights_is_not_resumed_from(
    task: Task, run: Train, tmp_path: Path
) -> None:
    run(task.config(tmp_path / 'plain', custom_hooks=[task.hook()]))
    cfg = task.config(tmp_path / 'kept', epochs=2, custom_hooks=[hook_of(task)])
    cfg.load_from, cfg.resume = str(tmp_path / 'plain/epoch_1.pth'), True
    with pytest.raises(ValueError, match="does not fit .* expected 'ckd:schedule'"):
        run(cfg)


@pytest.mark.usefixtures('allow_amp_on_cpu')
def test_in_bfloat16_the_first_share_is_nearly_that_of_float32(
    task: Task, run: Train, tmp_path: Path
) -> None:
    shares = []
    for wrapper in ({}, dict(type='AmpOptimWrapper', dtype='bfloat16')):
        cfg = half(task, tmp_path / str(len(wrapper)), **wrapper)
        cfg.custom_hooks = [
            cfg.custom_hooks[0].to_dict() | dict(distill=hook_of(task)['distill'])
        ]
        shares.append(logged(run(cfg), 'ckd_share')[0])
    assert shares[0] != shares[1] == pytest.approx(shares[0], rel=0.2)


@pytest.mark.usefixtures('allow_amp_on_cpu')
def test_a_step_that_the_loss_scaler_skips_is_not_counted(
    task: Task, tmp_path: Path
) -> None:
    cfg = half(task, tmp_path, type='CPUAmpOptimWrapper', init_scale=2.0**10)
    cfg.custom_hooks = [
        cfg.custom_hooks[0].to_dict() | dict(distill=hook_of(task)['distill'])
    ]
    runner = Runner.from_cfg(cfg)
    runner.register_hook(Overflow())
    runner.train()
    found = logged(runner, 'ckd_weight')
    assert found[:2] == [1.0, 1.0]
    assert torch.isnan(torch.tensor(logged(runner, 'ckd_share')[0]))
    assert torch.isfinite(torch.tensor(logged(runner, 'ckd_share')[1:])).all()


def test_accumulation_and_clipping_go_together_with_it(
    task: Task, run: Train, tmp_path: Path
) -> None:
    hook = hook_of(task)
    cfg = task.config(tmp_path, epochs=4, custom_hooks=[hook])
    cfg.optim_wrapper.accumulative_counts = 2
    cfg.optim_wrapper.clip_grad = dict(max_norm=1e-3)
    found = logged(run(cfg), 'ckd_weight')
    changes = [i for i in range(1, len(found)) if found[i] != found[i - 1]]
    assert changes == [i for i in range(1, len(found)) if i % 2 == 0]


@pytest.mark.filterwarnings('ignore')
def test_a_compiled_train_step_keeps_the_same_shares(
    request: pytest.FixtureRequest, run: Train, tmp_path: Path
) -> None:
    task = Task(request, 'classifier')
    found = []
    for compile_ in (None, dict(backend='eager')):
        cfg = task.config(tmp_path / str(bool(compile_)), custom_hooks=[hook_of(task)])
        found.append(logged(run(few_to_compile(cfg, compile_)), 'ckd_weight'))
    torch.compiler.reset()
    assert found[1] == pytest.approx(found[0], rel=1e-2)


@pytest.mark.parametrize(
    ('schedule', 'error'),
    [
        (dict(of='backbon'), "term 'ckd': schedule: of='backbon' .*mean 'backbone'"),
        (dict(of='backbone.relu'), 'has no parameters that train'),
        (dict(share=0.97), "term 'ckd': .* together"),
        (dict(share=1.5), "term 'ckd': schedule: share must be a number > 0 and < 1"),
    ],
)
def test_mistakes_are_refused_before_training(
    task: Task, tmp_path: Path, schedule: dict[str, Any], error: str
) -> None:
    hook = hook_of(task)
    hook['distill']['ckd']['schedule'].update(schedule)
    with pytest.raises(ValueError, match=error):
        Runner.from_cfg(task.config(tmp_path, custom_hooks=[hook])).train()
    assert not list(tmp_path.glob('**/*.pth'))


def test_a_term_that_cannot_reach_the_module_is_refused_in_the_first_step(
    task: Task, tmp_path: Path
) -> None:
    hook = hook_of(task)
    hook['distill']['ckd'].update(on='module:backbone.layer1', loss=dict(type='ATLoss'))
    hook['distill']['ckd']['schedule'].update(of='backbone.layer4')
    runner = Runner.from_cfg(task.config(tmp_path, custom_hooks=[hook]))
    with pytest.raises(ValueError, match="term 'ckd': the loss has no gradient at of="):
        runner.train()
    assert runner.iter == 0


def distiller_of(runner: Runner) -> Distiller:
    hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
    assert hook.distiller is not None
    return hook.distiller
