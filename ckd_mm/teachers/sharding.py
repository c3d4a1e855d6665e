"""A teacher whose parameters are spread over the ranks."""

from __future__ import annotations

import logging

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel

from ckd_mm.distributed import world_size
from ckd_mm.sharding import blocks_of, shard
from ckd_mm.teachers.speed import Speed

__all__ = ['check_speed', 'shard_teacher']

REASONS = {
    'channels_last': 'FSDP2 shards contiguous parameters only',
    'stream': 'gathering parameters on a second stream was not tried on a GPU',
}
"""The options of :class:`Speed` that a sharded teacher cannot have."""


def check_speed(speed: Speed) -> None:
    """Check that the options of a teacher that is to be sharded go with that.

    Raises:
        ValueError: One does not.
    """
    for name, reason in REASONS.items():
        if getattr(speed, name):
            raise ValueError(
                f'teacher: shard=True does not go with {name}, as {reason}; leave one '
                'of them out'
            )


def shard_teacher(teacher: BaseModel, device: torch.device) -> None:
    """Spread backbone and neck over the ranks, in place; the rest stays whole.

    With one process all stays whole, and a warning says so.

    Args:
        teacher: Frozen, with its weights, on the CPU: each block goes to the device
            when it is spread, so no device holds the whole teacher.
        device: Where its forward runs.

    Raises:
        ValueError: This PyTorch has no FSDP2, or a parameter cannot be spread.
    """
    if world_size() == 1:
        print_log(
            'teacher: shard=True spreads the teacher over several processes, and this '
            'run has one; the teacher stays whole',
            logger='current',
            level=logging.WARNING,
        )
        return
    for name in ('backbone', 'neck'):
        module = getattr(teacher, name, None)
        if module is not None and [*module.parameters()]:
            shard(module, blocks_of(module), device=device, frozen=True)
