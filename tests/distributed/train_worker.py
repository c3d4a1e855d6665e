"""Run in each rank (or alone): trains a config, and says what its terms were given.

python train_worker.py CONFIG OUT [--without-rois RANK]
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from ckd_mm.distributed import leave_process_group
from ckd_mm.hooks import DistillationHook


class Watch(Hook):
    """Notes the rows that the first term gets in each step, and weights at the end."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.schedules: dict[str, dict[str, torch.Tensor]] = {}

    def before_train(self, runner: Runner) -> None:
        hook = next(hook for hook in runner.hooks if isinstance(hook, DistillationHook))
        hook.terms[0].loss.register_forward_pre_hook(
            lambda module, args, kwargs: self.rows.append(len(kwargs['student'])),
            with_kwargs=True,
        )
        self.terms = hook.terms

    def after_train(self, runner: Runner) -> None:
        self.schedules = {
            term.name: term.controller.state_dict()
            for term in self.terms
            if term.controller is not None
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    parser.add_argument('out', type=Path)
    parser.add_argument('--without-rois', type=int, default=-1)
    args = parser.parse_args()
    rank = int(os.environ.get('RANK', 0))
    if 'WORLD_SIZE' in os.environ:
        # MMEngine's own start of a process group wants a GPU for each process
        dist.init_process_group('gloo')
    cfg = Config.fromfile(args.config)
    runner = RUNNERS.build(cfg)
    watch = Watch()
    runner.register_hook(watch)
    if rank == args.without_rois:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.train_cfg.rpn_proposal.max_per_img = 0
    runner.train()
    losses, _ = runner.message_hub.get_scalar('train/loss').data
    report = dict(
        rows=watch.rows,
        losses=losses.tolist(),
        wrapper=type(runner.model),
        schedules=watch.schedules,
    )
    torch.save(report, args.out / f'rank{rank}.pt')


if __name__ == '__main__':
    main()
    leave_process_group()
