"""Losses that have something to learn or to keep, trained along with the student.

A connector is a loss that has parameters (ReviewKD's fusion, FitNet's
convolution). It belongs to the run, not to the student:

* its parameters are in the run's one optimizer, so that learning rate, schedulers,
  clipping, loss scaling and accumulation treat them like any other. The hook has the
  runner build optimizer and schedulers again from the config while the connectors stand
  under the student as `ckd_mm.<term>`; `paramwise_cfg` and the constructors for
  layer-wise decay see them under that name;
* across ranks each is wrapped in DistributedDataParallel by itself, so that PyTorch
  averages its gradients;
* its state is saved in a checkpoint under `ckd_mm`, beside the student's `state_dict`,
  and read from there when a run resumes.

Why not leave it under the student, as other projects do? It would be in the student's
checkpoint and EMA copy, and its initialisation would draw from the student's random
numbers. Why not add a parameter group to the optimizer that is there? Its schedulers
have noted their base values, and would not reach the new group.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch.distributed as dist
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner, weights_to_cpu
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ckd_mm.distributed import world_size
from ckd_mm.engine.terms import Term

__all__ = ['Connectors', 'averaged_over_ranks']

KEY = 'ckd_mm'


class Connectors:
    """What the terms keep: losses with parameters or buffers, and controllers.

    Args:
        terms: All terms of the run.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        self.modules = nn.ModuleDict()
        for term in terms:
            if term.loss.state_dict():
                self.modules[term.name] = term.loss
            if term.controller is not None:
                self.modules[f'{term.name}:schedule'] = term.controller

    def join(self, runner: Runner) -> None:
        """Put the parameters into the runner's optimizer and its schedulers.

        Must come after the runner has built both, and before it resumes them.

        Raises:
            ValueError: The runner is not MMEngine's `Runner`, or was not built from a
                config.
        """
        parameters = {id(parameter) for parameter in self.modules.parameters()}
        if not parameters or parameters <= _optimised(runner):
            return
        self._check(runner)
        student = (
            runner.model.module if is_model_wrapper(runner.model) else runner.model
        )
        self.modules.to(next(student.parameters()).device)
        student.add_module(KEY, self.modules)
        try:
            cfg = copy.deepcopy(runner.cfg)
            runner.optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
            runner.scale_lr(runner.optim_wrapper, runner.auto_scale_lr)
            if runner.param_schedulers is not None:
                schedulers = runner.build_param_scheduler(cfg.param_scheduler)
                runner.param_schedulers = schedulers
        finally:
            delattr(student, KEY)

    def save(self, checkpoint: dict[str, Any]) -> None:
        """Add the state to a checkpoint, on the CPU as the student's is there."""
        if self.modules:
            checkpoint[KEY] = weights_to_cpu(self.modules.state_dict())

    def load(self, checkpoint: dict[str, Any]) -> None:
        """Take the state from a checkpoint that a run resumes from.

        Raises:
            ValueError: It has no state, or the state of other losses.
        """
        if not self.modules:
            return
        expected, got = self.modules.state_dict(), checkpoint.get(KEY, {})
        shapes = {name: tuple(value.shape) for name, value in expected.items()}
        if shapes != {name: tuple(value.shape) for name, value in got.items()}:
            raise ValueError(
                'the checkpoint to resume from lacks the state of the losses of '
                f'{", ".join(self.modules)}: expected {len(expected)} tensors, got '
                f'{len(got)}; it is of a run with other distill terms. To start from '
                'its student, use load_from without resume'
            )
        self.modules.load_state_dict(got)

    def _check(self, runner: Runner) -> None:
        # FlexibleRunner resumes its optimizer before any hook can add to it
        if not isinstance(runner, Runner):
            raise ValueError(
                f'the losses of {", ".join(self.modules)} have parameters, which need '
                f"MMEngine's Runner, got {type(runner).__name__}; remove runner_type "
                'from the config'
            )
        if 'optim_wrapper' not in runner.cfg:
            raise ValueError(
                f'the losses of {", ".join(self.modules)} have parameters, for which '
                'optimizer and schedulers are built again from the config; build the '
                'runner with Runner.from_cfg'
            )


def averaged_over_ranks(loss: nn.Module) -> nn.Module:
    """A loss whose gradients are the mean over ranks; itself without parameters.

    It starts with the first rank's parameters and buffers. The ranks have drawn others
    with `randomness=dict(diff_rank_seed=True)`.
    """
    if world_size() == 1:
        return loss
    for buffer in loss.buffers():  # which DistributedDataParallel would leave alone
        dist.broadcast(buffer, 0)
    if not any(parameter.requires_grad for parameter in loss.parameters()):
        return loss
    return DistributedDataParallel(loss, broadcast_buffers=False)


def _optimised(runner: Runner) -> set[int]:
    optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
    groups = optimizer.param_groups if optimizer is not None else []
    return {id(parameter) for group in groups for parameter in group['params']}
