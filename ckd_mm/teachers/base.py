"""The interfaces that all kinds of teachers share.

A *kind* is read from a config, `teacher=dict(type=..., ...)`. When training starts it
builds a *teacher*, which is ready to run. The teacher gives a *view*: its outputs for
the terms that listen to it. A new kind is one file with a class under
`@TEACHERS.register_module()`. It may build a :class:`ckd_mm.teachers.ModelTeacher`, or
bring its own teacher and view.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn

from ckd_mm.adapters import BoundTerm, Pair, Step, Tap, Value
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.teachers.averages import Average

__all__ = ['ALONE', 'STUDENT', 'Request', 'Teacher', 'TeacherKind', 'TeacherView']

ALONE = -1
"""The number that a term hears whose loss reads the student alone."""

STUDENT = -2
"""The number of the student where it teaches a peer, or learns."""


@dataclass(frozen=True)
class Request:
    """What a term asks of its teachers.

    Args:
        on: What it compares, as in a config.
        context: The names of what its loss asks for beside student and teacher.
        teachers: The numbers of the teachers that it listens to; `None` is all, and
            `(ALONE,)` none.
        data: On which batches of a step it compares: 'labelled', 'unlabelled', 'both'.
        counts: Whether its loss trains; with `loss_weight=0` it is only logged.
        average: How it averages several teachers.
        connector: What is trained between the student's maps and the teacher's modules,
            where `on` has `connector=True`.
        users: Its loss and its weighers, each of which must take what is compared.
        learner: The number of the peer that learns in it; `STUDENT` in most terms.
        mutual: Whether the one that teaches gets a gradient as well.
    """

    on: Any
    context: Collection[str] = ()
    teachers: Collection[int] | None = None
    data: str = 'labelled'
    counts: bool = True
    average: Average = Average()
    connector: nn.Module | None = None
    users: Sequence[nn.Module] = ()
    learner: int = STUDENT
    mutual: bool = False

    @property
    def labelled(self) -> bool:
        """Whether the term compares on the batch with labels."""
        return self.data != 'unlabelled'

    @property
    def unlabelled(self) -> bool:
        """Whether the term compares on the batch without labels."""
        return self.data != 'labelled'

    def listens_to(self, teacher: int) -> bool:
        """Whether the view of the teacher of this number makes the term's pair.

        Of a peer that learns, its own view does.
        """
        if self.learner != STUDENT:
            return teacher == self.learner
        if self.teachers is None:
            return teacher != ALONE
        return teacher in self.teachers


class TeacherView(Protocol):
    """The outputs of a teacher for some terms, step by step."""

    @property
    def terms(self) -> Mapping[str, BoundTerm]:
        """The terms that listen to it, by name."""

    @property
    def student_taps(self) -> Collection[Tap]:
        """The taps of the student's forward that it needs."""

    def taps_of(self, terms: Collection[str]) -> Collection[Tap]:
        """Those of them that it needs for some of its terms."""

    def attach(self) -> None:
        """Put forward hooks onto the teacher, if it has any."""

    def detach(self) -> None:
        """Take them off again."""

    def start(self, step: Step) -> None:
        """Begin a step, before the student's forward."""

    def run_teacher(self, step: Step) -> None:
        """Run the teacher, after the student's forward."""

    def rerun_student(self, step: Step) -> None:
        """Run modules of the student once more, or the teacher's on its tensors.

        Only if a term needs that.
        """

    def pair(self, term: str, step: Step) -> Pair:
        """What the loss of a term gets in this step."""

    def teacher_value(self, term: str, step: Step) -> Value:
        """The teacher's value for a term that does not choose rows."""

    def forget(self) -> None:
        """Let go of the step's tensors."""


class Teacher(Protocol):
    """A teacher that is ready to run."""

    @property
    def weight(self) -> float:
        """Its share when a term averages several teachers."""

    @property
    def replays(self) -> tuple[int, int] | None:
        """Epochs and seed of the augmentations that a run must replay for it."""

    def view(
        self,
        student: BaseModel,
        requests: Mapping[str, Request],
        preprocessor: nn.Module | None = None,
    ) -> TeacherView:
        """Its view for some terms.

        Args:
            student: The student, without a distributed wrapper.
            requests: What the terms that listen to it ask for, by name.
            preprocessor: The module that normalises the student's images; `None` is the
                student's data preprocessor.

        Raises:
            ValueError: The terms do not fit the two models.
        """

    def evaluate(self, runner: Runner) -> dict[str, Any]:
        """Its metrics on the run's validation set; empty if nobody asked for them."""


class TeacherKind(ABC):
    """The options of one teacher, as a config gives them.

    A kind is a frozen dataclass whose fields are the options; it checks them when it is
    made. Only `build` must be written.
    """

    key: ClassVar[str] = ''
    """The option that a config gives instead of `type`, such as `config`.

    Where it is empty, a config must give `type`.
    """

    key_in_words: ClassVar[str] = ''
    """What the key gives, for the error that lists the kinds: `'a config'`."""

    key_meaning: ClassVar[str] = ''
    """What a teacher with this key is, for the error about options that it lacks."""

    needed: ClassVar[tuple[str, ...]] = ()
    """The options that a config must give, beside the key."""

    can_be_cached: ClassVar[bool] = False
    """Whether its outputs for an image are the same in every step."""

    can_be_inherited: ClassVar[bool] = False
    """Whether a student can start from it: a model whose modules have their names."""

    is_student: ClassVar[bool] = False
    """Whether it is the student itself, in another layer or at another time."""

    weight: float = 1.0

    @abstractmethod
    def build(self, runner: Runner, device: torch.device) -> Teacher:
        """The teacher, frozen, on the student's device.

        The global random states stay as they are.

        Raises:
            ValueError: It cannot be built or loaded, or does not suit the run.
        """

    def sketch(self, runner: Runner, student: BaseModel) -> Teacher:
        """A teacher whose outputs have the right shapes; its values do not count.

        It is asked for before the optimizer is built, to read widths.

        Args:
            runner: The run.
            student: A copy of the student.
        """
        return self.build(runner, next(student.parameters()).device)

    def original(self, runner: Runner) -> tuple[BaseModel, ClassNames | None]:
        """The model as its file has it, on the CPU, and the names of its classes.

        Raises:
            ValueError: It cannot be inherited, or as for :meth:`build`.
        """
        raise ValueError(
            f'a student cannot start from a {type(self).__name__}; name a teacher with '
            'teacher=dict(config=...)'
        )

    def check(self) -> None:  # noqa: B027 (most kinds have nothing to try)
        """Check without a run that it can be built, for a comparison of many runs.

        Raises:
            ValueError: It cannot.
        """

    @property
    def name_in_terms(self) -> str:
        """What terms call it if it is a peer; the others have a number."""
        return ''

    @property
    def needs_sample_index(self) -> bool:
        """Whether it asks for the number of each image in the whole training set."""
        return False

    def start_epoch(self, teacher: Teacher, runner: Runner) -> None:  # noqa: B027
        """An epoch of training begins; most teachers stay as they are."""

    def end_epoch(self, teacher: Teacher, runner: Runner) -> None:  # noqa: B027
        """An epoch of training has ended, on all ranks, and nothing is saved yet."""

    def state(self, teacher: Teacher) -> dict[str, Tensor]:
        """What a checkpoint keeps of it, for a run that resumes."""
        return {}

    def load_state(self, teacher: Teacher, state: Mapping[str, Tensor]) -> None:
        """Take what a checkpoint has kept, when a run resumes.

        Raises:
            ValueError: It is of another teacher.
        """
        if state:
            raise ValueError(
                f'the checkpoint has the state of another teacher than a '
                f'{type(self).__name__}, which keeps none; resume with the teacher '
                'that the run had, or start from its student by load_from without '
                'resume'
            )

    def files(self) -> list[Path]:
        """The local files that its outputs depend on."""
        return []

    def identity(self, teacher: Teacher) -> dict[str, Any]:
        """What its outputs depend on, for a cache of them.

        Raises:
            ValueError: They cannot be cached.
        """
        raise ValueError(f'the outputs of a {type(self).__name__} cannot be cached')

    def class_lists(self, teacher: Teacher) -> dict[str, list[str]] | None:
        """The names of its classes by list, for a cache; `None` where it has none."""
        return None
