"""Run in each rank (or alone): trains configs, and says what their terms were given.

python train_worker.py CONFIG OUT [CONFIG OUT ...] [--without-rois RANK]
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

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
        self.connectors: dict[str, torch.Tensor] = {}
        self.teacher: Any = None

    def before_train(self, runner: Runner) -> None:
        hook = next(hook for hook in runner.hooks if isinstance(hook, DistillationHook))
        assert hook.distiller is not None
        self.teacher = getattr(hook.distiller.views[0], 'model', None)
        hook.terms[0].loss.register_forward_pre_hook(
            lambda module, args, kwargs: self.rows.append(len(kwargs['student'])),
            with_kwargs=True,
        )
        self.terms, self.kept = hook.terms, hook.connectors.modules

    def after_train(self, runner: Runner) -> None:
        self.schedules = {
            term.name: term.controller.state_dict()
            for term in self.terms
            if term.controller is not None
        }
        self.connectors = dict(self.kept.state_dict())


def size(model: Any) -> tuple[int, int]:
    """Bytes of the parameters: those on this rank, and of the whole model."""
    if hasattr(model, 'reshard'):
        model.reshard()  # what stands outside of blocks stays gathered after a forward
    parameters = [*model.parameters()]
    shares = [getattr(one, '_local_tensor', one) for one in parameters]
    local, total = (
        sum(one.numel() * one.element_size() for one in some)
        for some in (shares, parameters)
    )
    return local, total


def train(config: str, out: Path, rank: int, without_rois: bool) -> None:
    """Train one config, and leave a report in a folder."""
    runner = RUNNERS.build(Config.fromfile(config))
    watch = Watch()
    runner.register_hook(watch)
    if without_rois:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.train_cfg.rpn_proposal.max_per_img = 0
    runner.train()
    losses, _ = runner.message_hub.get_scalar('train/loss').data
    report = dict(
        rows=watch.rows,
        losses=losses.tolist(),
        wrapper=type(runner.model).__name__,
        size=size(runner.model),
        teacher_size=size(watch.teacher) if watch.teacher is not None else None,
        schedules=watch.schedules,
        connectors=watch.connectors,
    )
    torch.save(report, out / f'rank{rank}.pt')


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('configs_and_folders', nargs='+')
    parser.add_argument('--without-rois', type=int, default=-1)
    args = parser.parse_args()
    rank = int(os.environ.get('RANK', 0))
    if 'WORLD_SIZE' in os.environ:
        # MMEngine's own start of a process group wants a GPU for each process
        dist.init_process_group('gloo')
    given = args.configs_and_folders
    for config, out in zip(given[::2], given[1::2], strict=True):
        train(config, Path(out), rank, rank == args.without_rois)


if __name__ == '__main__':
    main()
    leave_process_group()
