"""The second batch of a step, without labels: a pass of the student, views of teachers.

The student runs the modules that the terms read once more, on this batch. A teacher has
a second view for these terms. Its step hangs at the first one, as `Step.unlabelled`, so
that the distiller treats both views alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from mmengine.model import BaseModel
from torch import nn

from ckd_mm.adapters import BoundTerm, Pair, Recorder, Step, Tap, Value
from ckd_mm.adapters.core.semi_supervised import (
    is_semi_supervised,
    preprocessor_of,
    student_within,
)
from ckd_mm.engine.label_free import LabelFreeForward, why_labels
from ckd_mm.random_state import preserved_random_state
from ckd_mm.sharding import is_sharded
from ckd_mm.teachers import ALONE, Itself, Request, Teacher, TeacherView

__all__ = [
    'UnlabelledStudent',
    'UnlabelledView',
    'unlabelled_student',
    'views_by_data',
]


class UnlabelledStudent:
    """The student on the batch without labels.

    Args:
        student: The student, without a distributed wrapper.
        views: The views of the teachers for the terms that compare on this batch.
        counting: The terms whose losses train. In a step without any, statistics of
            BatchNorm and random states stay as they are.
        moves_statistics: Whether the running statistics of BatchNorm see this batch.

    Raises:
        ValueError: A term needs labels.
    """

    def __init__(
        self,
        student: BaseModel,
        views: Sequence[TeacherView],
        counting: Collection[str],
        moves_statistics: bool = True,
    ) -> None:
        _check_need_no_labels(student, views)
        taps = [tap for view in views for tap in view.student_taps]
        self.recorder = Recorder(student, taps)
        self._forward = LabelFreeForward(student, taps)
        self._counting, self._moves_statistics = counting, moves_statistics

    def run(self, step: Step) -> None:
        """Run it on the images of a step."""
        with self.running(step):
            self.recorder.open()
            self._forward.run(step)
            self.recorder.close()

    @contextmanager
    def running(self, step: Step) -> Iterator[None]:
        """While any of its modules run; see the arguments."""
        counts = bool(step.acting(self._counting))
        with ExitStack() as stack:
            if not counts:
                stack.enter_context(preserved_random_state())
            if not counts or not self._moves_statistics:
                stack.enter_context(_kept_statistics(self._forward.student))
            yield


class UnlabelledView:
    """What a teacher says of the batch without labels.

    Args:
        view: Another view of the teacher, for these terms alone.
    """

    student: UnlabelledStudent
    """Is known once there are the views of all teachers."""

    def __init__(self, view: TeacherView) -> None:
        self._view = view

    @property
    def terms(self) -> Mapping[str, BoundTerm]:
        """The terms that listen to it, by name."""
        return self._view.terms

    @property
    def student_taps(self) -> Collection[Tap]:
        """What it needs of the student, on this batch."""
        return self._view.student_taps

    def taps_of(self, terms: Collection[str]) -> Collection[Tap]:
        """Nothing: the step of the labelled batch notes nothing for it."""
        return ()

    def attach(self) -> None:
        """Put forward hooks onto the teacher."""
        self._view.attach()

    def detach(self) -> None:
        """Take them off again."""
        self._view.detach()

    def start(self, step: Step) -> None:
        """Nothing: the teacher may be at the labelled batch, which is listened to."""

    def run_teacher(self, step: Step) -> None:
        """Run both on this batch, the student unless another teacher's view has."""
        second = _second(step)
        self._view.start(second)
        if self.student not in step.reruns:
            self.student.run(second)
            step.reruns.add(self.student)
        self._view.run_teacher(second)

    def rerun_student(self, step: Step) -> None:
        """Run modules of the student once more, where RoIs were proposed."""
        second = _second(step)
        with self.student.running(second):
            self._view.rerun_student(second)

    def pair(self, term: str, step: Step) -> Pair:
        """What the loss of a term gets in this step."""
        return self._view.pair(term, _second(step))

    def teacher_value(self, term: str, step: Step) -> Value:
        """The teacher's value for a term that does not choose rows."""
        return self._view.teacher_value(term, _second(step))

    def forget(self) -> None:
        """Let go of the step's tensors."""
        self._view.forget()


def views_by_data(
    student: BaseModel, teachers: Sequence[Teacher], requests: Mapping[str, Request]
) -> tuple[dict[int, TeacherView], dict[int, UnlabelledView]]:
    """Views of the teachers by number, for the labelled and for the unlabelled batch.

    Under `ALONE` is that of the student itself, for losses that read it alone.

    Raises:
        ValueError: The terms do not fit the models, or a cache is to know images
            without labels.
    """
    labelled: dict[int, TeacherView] = {}
    unlabelled: dict[int, UnlabelledView] = {}
    both = {**dict(enumerate(teachers)), ALONE: Itself(teaches=False)}
    for number, teacher in both.items():
        heard = {name: one for name, one in requests.items() if one.listens_to(number)}
        first = {name: one for name, one in heard.items() if one.labelled}
        second = {name: one for name, one in heard.items() if one.unlabelled}
        inner, preprocessor = student_within(student), preprocessor_of(student)
        if first or not (second or number == ALONE):
            labelled[number] = teacher.view(inner, first, preprocessor)
        if second:
            _check_is_no_cache(teacher, second)
            view = teacher.view(inner, second, preprocessor)
            unlabelled[number] = UnlabelledView(view)
    return labelled, unlabelled


def unlabelled_student(
    student: BaseModel,
    views: Mapping[int, UnlabelledView],
    requests: Mapping[str, Request],
    moves_statistics: bool = True,
) -> UnlabelledStudent | None:
    """The student on the batch without labels; `None` if no term compares there.

    Raises:
        ValueError: A term needs labels, or the student cannot run twice.
    """
    if not views:
        return None
    _check_runs_twice(student)
    counting = {name for name, one in requests.items() if one.counts}
    found = UnlabelledStudent(student, [*views.values()], counting, moves_statistics)
    for view in views.values():
        view.student = found
    return found


def _second(step: Step) -> Step:
    assert step.unlabelled is not None
    return step.unlabelled


def _check_need_no_labels(student: BaseModel, views: Iterable[TeacherView]) -> None:
    reasons = why_labels(student, views)
    for view in views:
        for name, bound in view.terms.items():
            if 'sample_index' in bound.context_names:
                reasons[name] = (
                    'its loss or teacher numbers the images of the labelled data'
                )
    for name, reason in reasons.items():
        raise ValueError(
            f'term {name!r} compares on the images of unlabelled and cannot do without '
            f"labels: {reason}; compare by on='backbone', on='neck', the logits of a "
            "classifier, on='dense_logits' or RoIs with rois='teacher', with a loss "
            'and weighers that ask for nothing of the labels'
        )


@contextmanager
def _kept_statistics(model: nn.Module) -> Iterator[None]:
    """Leave running statistics alone; layers in training mode use the batch's still."""
    layers: list[Any] = [
        one
        for one in model.modules()
        if isinstance(one, nn.modules.batchnorm._NormBase)
        and one.training
        and one.track_running_stats
    ]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def _check_is_no_cache(teacher: Teacher, terms: Mapping[str, Request]) -> None:
    if teacher.replays is not None:
        raise ValueError(
            f'terms {", ".join(map(repr, terms))} compare on the images of unlabelled, '
            'and a cache has the outputs of a teacher for the labelled images; run the '
            'teacher instead: give the teacher=dict(...) that the cache was made with'
        )


def _check_runs_twice(student: BaseModel) -> None:
    if is_semi_supervised(student):
        raise ValueError(
            f'a {type(student).__name__} has unlabelled images of its own; take '
            'unlabelled and data out of the hook, or train the detector inside of it'
        )
    if is_sharded(student):
        raise ValueError(
            'images of unlabelled have the student run twice in a step, which one that '
            'FSDP2 shards does not allow; train with DDP'
        )
