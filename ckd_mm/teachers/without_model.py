"""What views have in common for which no model runs beside the student."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ckd_mm.adapters import BoundTerm, Step, Tap

__all__ = ['ViewWithoutModel']


class ViewWithoutModel:
    """A :class:`ckd_mm.teachers.TeacherView` that only listens to the student.

    A subclass sets `terms`, and adds `run_teacher`, `pair`, `teacher_value`, `forget`.
    """

    terms: Mapping[str, BoundTerm]

    @property
    def student_taps(self) -> Collection[Tap]:
        """The taps of the student's forward that it needs."""
        return self.taps_of(self.terms)

    def taps_of(self, terms: Collection[str]) -> Collection[Tap]:
        """Those of them that it needs for some of its terms."""
        return [
            tap
            for name, one in self.terms.items()
            if name in terms
            for tap in one.student_taps()
        ]

    def attach(self) -> None:
        """Nothing: there is no model."""

    def detach(self) -> None:
        """Nothing: there is no model."""

    def start(self, step: Step) -> None:
        """Nothing: all is read after the student's forward."""

    def rerun_student(self, step: Step) -> None:
        """Nothing: terms that need that are refused."""
