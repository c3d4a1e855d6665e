"""What a loss can ask for beside student and teacher, and where it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step

__all__ = ['Context', 'TeacherContext']


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
