"""A student without labels: what of it runs, and which terms cannot do with that.

The student's losses need labels, and its heads are run by them. Terms that compare
feature maps, or what a classifier's head returns, need neither. For them the modules
that they read are run as a teacher's are: by passes, in a plan made before training.
So are dense heads, and RoI heads on RoIs that no label has chosen, once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters import Pass, Plan, Step, Tap, find_adapter
from ckd_mm.adapters.core.semi_supervised import is_semi_supervised
from ckd_mm.teachers import TeacherView

__all__ = ['LabelFreeForward', 'why_labels']


class LabelFreeForward:
    """Runs the modules of a student that terms read, and no more.

    Args:
        student: The student, without a distributed wrapper.
        taps: What the terms read of it; see :func:`why_labels`.
    """

    def __init__(self, student: BaseModel, taps: Iterable[Tap]) -> None:
        adapter = find_adapter(student)(student, student)
        found = [adapter.run_without_labels(tap) for tap in taps]
        known = [one for one in found if one is not None]
        self.student = student
        self.plan = Plan(one for one in known if not one.of_student)
        passes = (*self.plan.passes, *known)
        self._runs = {name for one in passes for name in one.without_labels}

    def run(self, step: Step) -> None:
        """Run them on the images of a step, with gradient."""
        made: dict[Pass, Any] = {}
        for one in self.plan.passes:
            made[one] = one.run(step.inputs, step, made)

    @property
    def untouched(self) -> dict[str, list[Tensor]]:
        """The trainable parameters that are not run, by child of the student."""
        found = {
            name: [one for one in child.parameters() if one.requires_grad]
            for name, child in self.student.named_children()
            if name not in self._runs
        }
        return {name: parameters for name, parameters in found.items() if parameters}


def why_labels(student: BaseModel, views: Iterable[TeacherView]) -> dict[str, str]:
    """Which terms cannot do without labels, and why, as half a sentence.

    Args:
        student: The student; or the semi-supervised detector that trains it, whose
            recipe needs labels whatever the terms are.
        views: What the teachers say of the terms.
    """
    found: dict[str, str] = {}
    for view in views:
        whole = _why(student, view.student_taps)  # with what the teacher runs on
        for name, bound in view.terms.items():
            of_labels = [f'it reads {one!r} of the labels' for one in bound.of_labels]
            reasons = [*of_labels, _why(student, bound.student_taps()), whole]
            reason = next(filter(None, reasons), None)
            if reason is not None:
                found[name] = reason
    return found


def _why(student: BaseModel, taps: Iterable[Tap]) -> str | None:
    if is_semi_supervised(student):
        return f'a {type(student).__name__} trains with labels'
    adapter = find_adapter(student)(student, student)
    for tap in taps:
        if adapter.run_without_labels(tap) is None:
            return (
                f'it reads {tap.module!r} of the student, which runs in a training '
                'step with labels alone'
            )
    return None
