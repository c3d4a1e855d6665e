"""What a loss can ask for beside student and teacher, and where it is read."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step

__all__ = ['Context', 'TeacherContext', 'asked_for', 'needed_by', 'way_out_without']

WAYS_OUT = {
    'assigned': "compare on='dense_logits' or on='cross_logits' of two one-stage "
    'detectors, or take a loss that does not need it',
    'scores': 'compare a part of a dense head, such as dense_logits or cross_boxes, or '
    'one of shared queries, or take a loss that does not need it',
    'box_target': "compare on='roi_boxes' or on='rpn_boxes' of two detectors with box "
    'deltas, or take a loss that does not need it',
    'ious': "compare on='roi_logits', or take a weigher that does not need it",
    'queries': "compare on='encoder' or on='neck' of two detectors of the DETR kind "
    'and of one width',
    'last_stage': "compare on='last_stages' of two classifiers, or leave the option "
    'out that goes through it',
    'teacher_classifier': "compare on='logits' of two classifiers, or give the loss a "
    'table',
}
"""Where there is a context that most pairs lack, by its name."""
ANY_WAY_OUT = 'compare a part that has it, or take a loss that does not need it'


@dataclass(frozen=True)
class Context:
    """What a pair can carry beside the two tensors; made only if a loss asks.

    Args:
        read: Makes it.
        taps: What it reads of the student's forward.
        of_labels: Whether it reads labels of the data samples.
        of_teacher: Whether it is a module of the teacher, or its weights, which no
            other has, and which are of no rows.
    """

    read: Callable[[Step], Any]
    taps: tuple[Tap, ...] = ()
    of_labels: bool = False
    of_teacher: bool = False


@dataclass(frozen=True)
class TeacherContext:
    """What a pair can carry of one teacher beside its value.

    Args:
        read: Makes it of what the taps of the teacher noted. Where rows are chosen, it
            has an entry for each of the rows before.
        teacher_taps: What it reads of the teacher.
        of_labels: Whether it reads labels of the data samples.
    """

    read: Callable[[list[Any], Step], Tensor]
    teacher_taps: tuple[Tap, ...]
    of_labels: bool = False
    taps: ClassVar[tuple[Tap, ...]] = ()
    of_teacher: ClassVar[bool] = True


def asked_for(module: nn.Module) -> tuple[str, ...]:
    """What a loss or a weigher asks for beside student and teacher.

    The parameters of its `forward`; of those with a default only what it names in
    `also_needs`, which may depend on its options.
    """
    named = (*needed_by(module.forward), *getattr(module, 'also_needs', ()))
    return tuple(name for name in named if name not in ('student', 'teacher'))


def needed_by(forward: Callable[..., Any]) -> list[str]:
    """The parameters without a default of a `forward`, beside student and teacher."""
    parameters = inspect.signature(forward).parameters.values()
    names = [one.name for one in parameters if one.default is one.empty]
    return [name for name in names if name not in ('self', 'student', 'teacher')]


def way_out_without(name: str) -> str:
    """What to do where a pair does not have the context of this name."""
    return WAYS_OUT.get(name, ANY_WAY_OUT)
