"""What goes wrong while training ends it as it ends a stock run, and loses nothing."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import TRANSFORMS
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook

from ..tasks import Task, differences, last_bias, weights
from .interruption import SeedEachEpoch

pytestmark = pytest.mark.slow

Train = Callable[[Config], Runner]


def config(task: Task, work_dir: Path) -> Config:
    hooks = [task.hook(), dict(type=SeedEachEpoch.__name__)]
    return task.config(work_dir, epochs=2, custom_hooks=hooks)


def is_detached(runner: Runner) -> bool:
    hook = next(hook for hook in runner.hooks if isinstance(hook, DistillationHook))
    return hook.distiller is None and not runner.model._forward_hooks


@pytest.fixture(scope='module')
def uninterrupted(task: Task, run: Train, tmp_path_factory: Any) -> Runner:
    return run(config(task, tmp_path_factory.mktemp('uninterrupted')))


def resumed(cfg: Config) -> Runner:
    cfg.resume = True
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def test_a_checkpoint_cut_short_is_refused_and_the_one_before_resumes(
    task: Task, uninterrupted: Runner, run: Train, tmp_path: Path
) -> None:
    run(config(task, tmp_path))
    last = tmp_path / 'epoch_2.pth'
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises((RuntimeError, EOFError)):
        resumed(config(task, tmp_path))
    assert last.stat().st_size == 1000
    cfg = config(task, tmp_path)
    cfg.load_from = str(tmp_path / 'epoch_1.pth')
    assert differences(weights(uninterrupted), weights(resumed(cfg))) == {}


class DiskFull(Hook):
    """From the second epoch on no file may grow beyond 100 kB."""

    def before_train_epoch(self, runner: Runner) -> None:
        if runner.epoch == 1:
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))


@pytest.fixture
def limits_restored() -> Any:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_ends_the_run_and_the_checkpoint_before_resumes(
    task: Task, uninterrupted: Runner, limits_restored: None, tmp_path: Path
) -> None:
    """The disk is one that takes no file of more than 100 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    runner = Runner.from_cfg(config(task, tmp_path))
    runner.register_hook(DiskFull())
    with pytest.raises(OSError, match='File too large'):
        runner.train()
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert is_detached(runner)
    assert (tmp_path / 'last_checkpoint').read_text().endswith('epoch_1.pth')
    again = resumed(config(task, tmp_path))
    assert differences(weights(uninterrupted), weights(again)) == {}


@TRANSFORMS.register_module()
class KilledWorker(BaseTransform):
    """A step of the pipeline whose process the system kills."""

    def transform(self, results: dict) -> dict:
        if torch.utils.data.get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return results


def test_a_data_loader_worker_that_dies_ends_the_run_as_in_a_stock_run(
    task: Task, tmp_path: Path
) -> None:
    errors = []
    for hooks in ([], [task.hook()]):
        cfg = task.config(tmp_path, custom_hooks=hooks)
        cfg.train_dataloader.num_workers = 1
        pipeline = cfg.train_dataloader.dataset.pipeline
        pipeline.insert(0, dict(type='KilledWorker'))
        runner = Runner.from_cfg(cfg)
        with pytest.raises(
            RuntimeError, match='killed by signal|exited unexpectedly'
        ) as error:
            runner.train()
        errors.append(type(error.value))
    assert errors[0] is errors[1]
    assert is_detached(runner)


class BrokenBatch(Hook):
    """The student's logits are NaN in one step."""

    priority = 'LOWEST'

    def before_train_iter(
        self, runner: Runner, batch_idx: int, *args: Any, **kwargs: Any
    ) -> None:
        if runner.epoch == 1 and batch_idx == 0:
            last_bias(runner.model).fill_(torch.nan)


def test_nan_logits_in_one_batch_stop_the_run_before_it_saves(
    task: Task, uninterrupted: Runner, tmp_path: Path
) -> None:
    """A stock run goes on with weights that are NaN, and saves them."""
    runner = Runner.from_cfg(config(task, tmp_path))
    runner.register_hook(BrokenBatch())
    with pytest.raises(FloatingPointError, match="distillation term 'ckd' is nan in"):
        runner.train()
    assert is_detached(runner)
    assert not (tmp_path / 'epoch_2.pth').exists()
    again = resumed(config(task, tmp_path))
    assert differences(weights(uninterrupted), weights(again)) == {}


def test_ctrl_c_detaches(task: Task, tmp_path: Path) -> None:
    class CtrlC(Hook):
        def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
            raise KeyboardInterrupt

    runner = Runner.from_cfg(config(task, tmp_path))
    runner.register_hook(CtrlC())
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    assert is_detached(runner)
