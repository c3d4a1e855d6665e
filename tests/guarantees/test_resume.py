"""An interrupted and resumed run ends where an uninterrupted one does."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook

from ..processes import run_script
from ..tasks import Task, differences, weights
from .interruption import SeedEachEpoch

pytestmark = pytest.mark.slow

EPOCHS = 3


def config(task: Task, work_dir: Path) -> Config:
    """Terms that rise over two epochs and fall over the last."""
    hook = task.hook()
    hook['distill']['ckd']['schedule'] = dict(warmup=2)
    hook['distill']['dkd']['schedule'] = dict(decay=1.5)
    hooks = [hook, dict(type=SeedEachEpoch.__name__)]
    return task.config(work_dir, epochs=EPOCHS, custom_hooks=hooks)


@pytest.fixture(scope='module')
def uninterrupted(
    task: Task, run: Callable[[Config], Runner], tmp_path_factory: Any
) -> Runner:
    return run(config(task, tmp_path_factory.mktemp('uninterrupted')))


def logged(runner: Runner) -> dict[str, list[float]]:
    """Everything but times, iteration by iteration."""
    return {
        key: [float(value) for value in history.data[0]]
        for key, history in runner.message_hub.log_scalars.items()
        if 'time' not in key
    }


@pytest.mark.parametrize('epoch', [1, 2])
def test_a_run_resumed_from_an_epochs_end_is_the_same_bit_for_bit(
    task: Task, uninterrupted: Runner, tmp_path: Path, epoch: int
) -> None:
    cfg = config(task, tmp_path)
    cfg.load_from = str(Path(uninterrupted.work_dir) / f'epoch_{epoch}.pth')
    cfg.resume = True
    resumed = Runner.from_cfg(cfg)
    resumed.train()
    assert differences(weights(uninterrupted), weights(resumed)) == {}
    # losses, statistics and schedules went on where they were
    assert logged(resumed) == logged(uninterrupted)


def test_a_run_killed_within_an_epoch_resumes_from_its_last_checkpoint(
    task: Task, uninterrupted: Runner, tmp_path: Path
) -> None:
    cfg = config(task, tmp_path / 'work')
    cfg.custom_imports.imports += ['interruption']
    cfg.custom_hooks += [dict(type='KillOnce', marker=str(tmp_path / 'killed'))]
    cfg.dump(tmp_path / 'distilled.py')
    command = ('tools/train.py', tmp_path / 'distilled.py')
    env = dict(PYTHONPATH=str(Path(__file__).parent))
    killed = run_script(*command, env=env)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert not (tmp_path / 'work/epoch_2.pth').exists()
    done = run_script(*command, '--resume', env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'resumed epoch: 1' in done.stdout
    path = tmp_path / f'work/epoch_{EPOCHS}.pth'
    saved = torch.load(path, weights_only=False)['state_dict']
    assert differences(weights(uninterrupted), saved) == {}


class Factors(Hook):
    """The factor of a term in each iteration."""

    def __init__(self) -> None:
        self.factors: list[float] = []

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        hook = next(hook for hook in runner.hooks if isinstance(hook, DistillationHook))
        assert hook.distiller is not None
        self.factors.append(hook.distiller.factors['ckd'])


def test_a_run_that_counts_iterations_resumes_within_an_epoch(
    task: Task, tmp_path: Path
) -> None:
    """The schedule is that of the iteration; which images come is MMEngine's choice."""

    def by_iteration(work_dir: Path) -> Config:
        hook = task.hook()
        hook['distill']['ckd']['schedule'] = dict(warmup=4, by_epoch=False)
        cfg = task.config(work_dir, custom_hooks=[hook])
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=4, val_interval=100)
        cfg.default_hooks.checkpoint.update(by_epoch=False, interval=1)
        cfg.param_scheduler = []
        return cfg

    factors = []
    for resume in (None, tmp_path / 'first/iter_1.pth'):
        cfg = by_iteration(tmp_path / ('second' if resume else 'first'))
        cfg.resume, cfg.load_from = bool(resume), resume and str(resume)
        runner = Runner.from_cfg(cfg)
        watch = Factors()
        runner.register_hook(watch)
        runner.train()
        factors.append(watch.factors)
    assert factors == [[0.0, 0.25, 0.5, 0.75], [0.25, 0.5, 0.75]]
