"""Runs of a student that has other modules at inference, and the test of its export."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import mmpretrain
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from ..processes import run_script

__all__ = ['Validation', 'assert_tested_as_in_the_run', 'trained']

MMPRETRAIN_TEST = Path(mmpretrain.__file__).parent / '.mim/tools/test.py'


class Validation(Hook):
    """What the model predicts in the last validation, and that it is stock before."""

    def __init__(self) -> None:
        self.scores: list[Tensor] = []

    def before_val_epoch(self, runner: Runner) -> None:
        self.scores = []
        self.stock = [id(one) for one in runner.model.modules()]

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        self.scores += [sample.pred_score for sample in outputs]

    def after_val_epoch(self, runner: Runner, metrics: Any = None) -> None:
        assert self.stock == [id(one) for one in runner.model.modules()]
        self.metrics = metrics


def trained(cfg: Config, *hooks: Hook) -> tuple[Runner, Validation]:
    runner, validation = Runner.from_cfg(cfg), Validation()
    for hook in (*hooks, validation):
        runner.register_hook(hook)
    runner.train()
    return runner, validation


def assert_tested_as_in_the_run(
    exported: tuple[Path, Path], validation: Validation, folder: Path
) -> None:
    """MMPretrain's own tool gives the scores and the metric of the run."""
    out = folder / 'found.pkl'
    options = ('--work-dir', folder, '--out', out)
    done = run_script(MMPRETRAIN_TEST, *exported, *options, '--out-item', 'pred')
    assert not done.returncode, done.stderr[-2000:]
    scores = [sample['pred_score'] for sample in pickle.loads(out.read_bytes())]
    assert torch.equal(torch.stack(scores), torch.stack(validation.scores))
    (log,) = folder.glob('*/*.json')
    metrics = json.loads(log.read_text())
    assert 0 < validation.metrics['accuracy/top1'] == metrics['accuracy/top1']
