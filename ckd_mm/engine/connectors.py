"""Losses that have something to learn or to keep, trained along with the student.

A connector is a loss that has parameters (ReviewKD's fusion, FitNet's
convolution). It belongs to the run, not to the student:

* its parameters are in the run's one optimizer, so that learning rate, schedulers,
  clipping, loss scaling and accumulation treat them like any other. The hook has the
  runner build optimizer and schedulers again from the config while the connectors stand
  under the student as `ckd_mm.<term>`; `paramwise_cfg` and the constructors for
  layer-wise decay see them under that name;
* across ranks each is wrapped in DistributedDataParallel by itself, so that PyTorch
  averages its gradients; beside a sharded student it is sharded as well;
* a layer that a term trains between the student's maps and the teacher's modules
  (`connector=True`) is a module of its own, and all of this holds for it: the pass
  calls the wrapper, once in a step;
* its state is saved in a checkpoint under `ckd_mm`, beside the student's `state_dict`,
  and read from there when a run resumes.

Why not leave it under the student, as other projects do? It would be in the student's
checkpoint and EMA copy, and its initialisation would draw from the student's random
numbers. Why not add a parameter group to the optimizer that is there? Its schedulers
have noted their base values, and would not reach the new group.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from mmengine._strategy import SingleDeviceStrategy
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner, weights_to_cpu
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ckd_mm.distributed import equal_on_all_ranks, world_size
from ckd_mm.engine.terms import Term
from ckd_mm.sharding import is_sharded, shard, whole

__all__ = ['Connectors', 'averaged_over_ranks']

KEY = 'ckd_mm'


class Connectors:
    """What the terms keep: losses with parameters or buffers, layers, weighers, ...

    Peers are kept with them: what is said above holds for them as well.

    Args:
        terms: All terms of the run.
        peers: The models that are trained along, by name.
    """

    def __init__(
        self, terms: Iterable[Term], peers: Mapping[str, nn.Module] | None = None
    ) -> None:
        self.modules = _ByName(peers)
        for term in terms:
            if term.loss.state_dict():
                self.modules[term.name] = term.loss
            if term.connector is not None:
                self.modules[f'{term.name}:connector'] = term.connector
            if term.sample_weight is not None and term.sample_weight.state_dict():
                self.modules[f'{term.name}:sample_weight'] = term.sample_weight
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
        if is_sharded(student):
            self._shard()
        student.add_module(KEY, self.modules)
        try:
            if isinstance(runner, Runner):
                _build_again(runner)
            else:
                _build_again_by_strategy(runner)
        finally:
            delattr(student, KEY)

    def save(self, checkpoint: dict[str, Any]) -> None:
        """Add the state to a checkpoint, on the CPU as the student's is there."""
        if self.modules:
            checkpoint[KEY] = weights_to_cpu(whole(self.modules.state_dict()))

    def load(self, checkpoint: dict[str, Any]) -> None:
        """Take the state from a checkpoint that a run resumes from.

        Raises:
            ValueError: It has no state, or the state of other losses.
        """
        expected = _shapes(self.modules.state_dict())
        got = _shapes(checkpoint.get(KEY, {}))
        if expected != got:
            raise ValueError(
                'the checkpoint to resume from does not fit what is trained along: '
                f'expected {_listed(expected)}, got {_listed(got)}'
                f'{_first_other(expected, got)}; it is of a run with other distill '
                'terms or peers. To start from its student, use load_from without '
                'resume'
            )
        self.modules.load_state_dict(checkpoint.get(KEY, {}))

    def _shard(self) -> None:
        """Shard each loss like the student.

        Gradients of whole and of sharded parameters cannot be clipped together, and
        PyTorch's `foreach` optimizers do not take both.

        Raises:
            ValueError: A parameter cannot be sharded; the message names the term.
        """
        for name, loss in self.modules.items():
            equal_on_all_ranks(loss)
            if any(True for _ in loss.parameters()):
                try:
                    shard(loss)
                except ValueError as error:
                    raise ValueError(f'distill term {name!r}: {error}') from error

    def _check(self, runner: Runner) -> None:
        strategy = getattr(runner, 'strategy', None)
        if not isinstance(runner, Runner) and not isinstance(
            strategy, SingleDeviceStrategy
        ):
            raise ValueError(
                f'the losses of {", ".join(self.modules)} have parameters, which need '
                "MMEngine's Runner, or its FlexibleRunner with SingleDeviceStrategy, "
                f'DDPStrategy or FSDP2Strategy, got {type(runner).__name__} with '
                f'{type(strategy).__name__}'
            )
        if 'optim_wrapper' not in runner.cfg:
            raise ValueError(
                f'the losses of {", ".join(self.modules)} have parameters, for which '
                'optimizer and schedulers are built again from the config; build the '
                'runner with Runner.from_cfg'
            )


class _ByName(nn.ModuleDict):
    """Modules by any name, also that of a method of this class, such as 'train'."""

    def __setitem__(self, key: str, module: nn.Module) -> None:
        self._modules[key] = module


def averaged_over_ranks(loss: nn.Module, **options: Any) -> nn.Module:
    """A loss or a connector whose gradients are the mean over ranks.

    It is returned as it is where it has no parameters, and where there is one rank. It
    starts with the first rank's parameters and buffers. The ranks have drawn others
    with `randomness=dict(diff_rank_seed=True)`. As in MMEngine's own wrapper, each rank
    keeps the statistics of BatchNorm of its own batches.

    Args:
        loss: The loss, the connector or the peer.
        options: Those of DistributedDataParallel.
    """
    if world_size() == 1 or is_sharded(loss):
        return loss
    equal_on_all_ranks(loss)  # DistributedDataParallel would leave buffers alone
    if not any(parameter.requires_grad for parameter in loss.parameters()):
        return loss
    return DistributedDataParallel(loss, broadcast_buffers=False, **options)


def _build_again(runner: Runner) -> None:
    """Have MMEngine's Runner build optimizer and schedulers from its config."""
    cfg = copy.deepcopy(runner.cfg)
    runner.optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    runner.scale_lr(runner.optim_wrapper, runner.auto_scale_lr)
    if runner.param_schedulers is not None:
        runner.param_schedulers = runner.build_param_scheduler(cfg.param_scheduler)


def _build_again_by_strategy(runner: Any) -> None:
    """Have the strategy of a FlexibleRunner do so, in the order of its `prepare`."""
    cfg, strategy = copy.deepcopy(runner.cfg), runner.strategy
    wrapper = strategy.build_optim_wrapper(cfg.optim_wrapper, runner.model)
    runner.optim_wrapper = strategy.optim_wrapper = wrapper
    vars(strategy).pop('param_schedulers', None)  # else _scale_lr refuses
    strategy._scale_lr()
    wrapper.initialize_count_status(runner.model, runner.iter, runner.max_iters)
    if runner.param_schedulers is not None:
        schedulers = strategy.build_param_scheduler(cfg.param_scheduler, wrapper)
        runner.param_schedulers = strategy.param_schedulers = schedulers


def _shapes(state: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items()}


def _listed(state: Mapping[str, Any]) -> str:
    """How many tensors a state has of each term or peer."""
    numbers = Counter(name.split('.')[0] for name in state)
    return ', '.join(f'{name!r} ({n} tensors)' for name, n in numbers.items()) or 'none'


def _first_other(expected: Mapping[str, Any], got: Mapping[str, Any]) -> str:
    """The first tensor of both states whose shape differs."""
    for name in expected:
        if name in got and expected[name] != got[name]:
            return f' ({name} is {expected[name]} here, {got[name]} in the checkpoint)'
    return ''


def _optimised(runner: Runner) -> set[int]:
    optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
    groups = optimizer.param_groups if optimizer is not None else []
    return {id(parameter) for group in groups for parameter in group['params']}
