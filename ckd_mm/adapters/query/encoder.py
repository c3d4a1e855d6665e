"""The encoder of a detector with queries: what it makes of the neck's maps, as maps.

Shape suffixes: N images, P positions of all levels, C channels.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ckd_mm.adapters.core.levels import number_of_maps
from ckd_mm.adapters.core.pair_spec import PairSpec, Readout, Unavailable
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.query.heads import QueryHead

__all__ = ['encoder_maps']

_ENCODER, _NECK = Tap('encoder'), Tap('neck')


def encoder_maps(student: QueryHead, teacher: QueryHead) -> PairSpec | Unavailable:
    """The maps (N, C, H, W) that both encoders return, by level of their necks."""
    for whose, head in (('student', student), ('teacher', teacher)):
        reason = _why_no_maps(head)
        if reason:
            return Unavailable(
                f'the {whose} is a {type(head.model).__name__}, {reason}; compare '
                "on='neck' or on='backbone'"
            )
    return PairSpec(_readout(student), _readout(teacher), levels=True)


def _why_no_maps(head: QueryHead) -> str:
    """Why the encoder of a model gives no maps; empty if it does."""
    if head.has_masks:
        return 'whose encoder, if it has one, lies inside of its head'
    if head.has_prompts:
        return 'whose encoder takes a prompt beside maps'
    if not all(hasattr(head.model, name) for name in ('encoder', 'neck')):
        return 'which has no encoder behind a neck'
    return ''


def _readout(head: QueryHead) -> Readout:
    number = number_of_maps(head.model.neck)
    return Readout((_ENCODER, _NECK), _maps, num_levels=number)


def _maps(values: list[Any], step: Step) -> tuple[Tensor, ...]:
    """The levels of a memory (N, P, C); the neck's maps have their sizes on the host.

    Raises:
        ValueError: It has other positions than the neck's maps.
    """
    memory, maps = values
    sizes = [(level.shape[2], level.shape[3]) for level in maps]
    counts = [height * width for height, width in sizes]
    found = tuple(memory.shape) if isinstance(memory, Tensor) else type(memory).__name__
    if not isinstance(memory, Tensor) or found[1:-1] != (sum(counts),):
        raise ValueError(
            f"module 'encoder' must return (N, P, C) for the P = {sum(counts)} "
            f"positions of the neck's maps, {sizes}, got {found}; compare on='neck'"
        )
    levels = memory.split(counts, dim=1)
    return tuple(
        level.mT.unflatten(2, size) for level, size in zip(levels, sizes, strict=True)
    )
