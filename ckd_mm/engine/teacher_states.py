"""What teachers keep from epoch to epoch, and from a checkpoint to the next run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.runner import Runner

from ckd_mm.teachers import Teacher, TeacherKind

__all__ = ['KEY', 'TeacherStates']

KEY = 'ckd_mm_teachers'
"""Where a checkpoint has the states, by the number of the teacher."""


class TeacherStates:
    """Tells the teachers of a run when epochs begin and end; saves what they keep.

    Args:
        kinds: The kinds of the teachers.
    """

    def __init__(self, kinds: Sequence[TeacherKind]) -> None:
        self._kinds = kinds
        self._teachers: list[tuple[TeacherKind, Teacher]] = []
        self._loaded: dict[int, Any] | None = None

    def load(self, checkpoint: dict[str, Any]) -> None:
        """Take the states of a checkpoint that a run resumes from."""
        self._loaded = checkpoint.get(KEY, {})

    def begin(self, teachers: Sequence[Teacher]) -> None:
        """Follow the teachers, which are built; give them their states.

        Raises:
            ValueError: A state is not there, or of another teacher.
        """
        self._teachers = [*zip(self._kinds, teachers, strict=True)]
        if self._loaded is not None:
            for number, (kind, teacher) in enumerate(self._teachers):
                kind.load_state(teacher, self._loaded.get(number, {}))
            self._loaded = None

    def start_epoch(self, runner: Runner) -> None:
        """An epoch of training begins."""
        for kind, teacher in self._teachers:
            kind.start_epoch(teacher, runner)

    def end_epoch(self, runner: Runner) -> None:
        """An epoch of training has ended."""
        for kind, teacher in self._teachers:
            kind.end_epoch(teacher, runner)

    def save(self, checkpoint: dict[str, Any]) -> None:
        """Add the states to a checkpoint, on the CPU."""
        states = [kind.state(teacher) for kind, teacher in self._teachers]
        kept = {
            number: {name: tensor.cpu() for name, tensor in state.items()}
            for number, state in enumerate(states)
            if state
        }
        if kept:
            checkpoint[KEY] = kept

    def end(self) -> None:
        """Let go of the teachers."""
        self._teachers = []
