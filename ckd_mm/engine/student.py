"""The student of a run, without the wrapper that runs it."""

from __future__ import annotations

from mmengine.hooks import EMAHook
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import Runner
from torch.nn.parallel import DistributedDataParallel

from ckd_mm.sharding import is_sharded

__all__ = ['check_averages', 'check_strategy', 'student_of']


def student_of(runner: Runner) -> BaseModel:
    """The student itself.

    Raises:
        ValueError: A wrapper shards it: its modules have no whole tensors to compare.
    """
    model = runner.model
    if not is_model_wrapper(model):
        return model
    if not isinstance(model, DistributedDataParallel):
        raise ValueError(
            f'the student is wrapped in {type(model).__name__}; DistillationHook works '
            'with an unwrapped model, with MMDistributedDataParallel, and with '
            "strategy=dict(type='FSDP2Strategy') of FlexibleRunner, not with other "
            "sharded models (MMEngine's FSDPStrategy, DeepSpeed, ColossalAI)"
        )
    return model.module


def check_strategy(runner: Runner) -> None:
    """Check that a strategy that is to shard the student is not ignored.

    Raises:
        ValueError: MMEngine's Runner has it in its config, and does not read it.
    """
    strategy = runner.cfg.get('strategy') or {}
    if isinstance(runner, Runner) and strategy.get('type') == 'FSDP2Strategy':
        raise ValueError(
            "strategy=dict(type='FSDP2Strategy') needs runner_type='FlexibleRunner' "
            "in the config: MMEngine's Runner reads no strategy, and would train a "
            'whole student on each process'
        )


def check_averages(runner: Runner) -> None:
    """Check that no EMAHook is to copy a sharded student.

    Raises:
        ValueError: One is; PyTorch copies no model that is sharded.
    """
    averaged = any(isinstance(hook, EMAHook) for hook in runner.hooks)
    if averaged and is_sharded(runner.model):
        raise ValueError(
            'EMAHook averages a copy of the student, and PyTorch does not copy a model '
            'that FSDP2 shards; remove EMAHook, or train with DDP'
        )
