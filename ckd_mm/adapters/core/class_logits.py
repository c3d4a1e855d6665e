"""What the columns of class logits mean, and those that two models have in common.

Student and teacher are compared on the classes that both know. What becomes of the
other columns depends on the kind of logits:

* A softmax with background, (K, C + 1): the probability of all other classes goes to
  background. An object of an unknown class is background to a model. The logit of
  background becomes the logsumexp of the other columns and its own. The probabilities
  of the common classes stay what they were. Leaving the columns out would spread their
  probability over the common classes: a teacher that is sure of a car would seem to
  see a pedestrian.
* A softmax without background, (K, C): the other columns are left out. The
  probabilities are then those given that the object is of a common class.
* A sigmoid per class, (K, C): each class is a question of its own, and the others are
  left out. Some heads have a column of background beside them. It is left out as well,
  as it stands for other classes in each model.

Shape suffixes: K rows, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from ckd_mm.adapters.core.class_match import ClassMatch, ClassSubset
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.checks import one_of

__all__ = ['ClassLogits', 'Columns', 'Pixels', 'match_classes']

ACTIVATIONS = ('softmax', 'binary')


@dataclass(frozen=True)
class ClassLogits:
    """What the columns of a row of class logits mean.

    Args:
        num_classes: C.
        activation: `'softmax'`: the classes exclude each other; `'sigmoid'`: each is a
            question of its own.
        background: Whether one more column, the last, stands for no object.
        has_objectness: Whether the head tells object from background beside these
            columns.
    """

    num_classes: int
    activation: Literal['softmax', 'sigmoid']
    background: bool
    has_objectness: bool = False

    @property
    def kind(self) -> str:
        """What they are but for the number of classes, for messages."""
        start = 'a softmax' if self.activation == 'softmax' else 'a sigmoid per class'
        if self.has_objectness:
            return f'{start} over objects, with objectness apart (Seesaw, YOLO)'
        return start + (' with background' if self.background else '')


@dataclass(frozen=True)
class Columns:
    """The columns that are compared of the class logits of two models.

    Args:
        logits: What the student's columns are; the teacher's are of the same kind.
        match: The classes in common.
        activation: How the logits of a sigmoid per class are compared. `None`: as they
            are. `'softmax'`: as if the classes excluded each other. `'binary'`: each
            class of each row is a row (z, 0), whose softmax is the sigmoid.
    """

    logits: ClassLogits
    match: ClassMatch
    activation: str | None = None

    @classmethod
    def of(
        cls,
        student: ClassLogits,
        teacher: ClassLogits,
        names: ClassNames | None,
        activation: str | None = None,
    ) -> Columns:
        """The columns of two heads.

        Args:
            student: What the student's are.
            teacher: What the teacher's are.
            names: The names of the classes. `None` where student or teacher has none;
                their numbers are then compared.
            activation: As for the class.

        Raises:
            ValueError: They are of different kinds, or their classes cannot be matched.
        """
        if student.kind != teacher.kind:
            raise ValueError(
                f'the class logits of the student are {student.kind} and those of the '
                f'teacher {teacher.kind}; take a teacher with a head of the same kind, '
                "or compare feature maps with on='neck' or on='backbone'"
            )
        if activation is not None:
            one_of('activation', activation, ACTIVATIONS)
            if student.activation == 'softmax':
                raise ValueError(
                    f'activation={activation!r} is for heads with a sigmoid per class, '
                    f'and the class logits of both are {student.kind}; leave it out'
                )
        match = match_classes(student.num_classes, teacher.num_classes, names)
        return cls(student, match, activation)

    @property
    def kind(self) -> str:
        """What the logits are, for messages."""
        return self.logits.kind

    @property
    def is_distribution(self) -> bool:
        """Whether a row is compared as a distribution, by its head or by option."""
        return self.logits.activation == 'softmax' or self.activation is not None

    @property
    def width(self) -> int | None:
        """How many columns are compared; `None` where only a step can tell."""
        if self.activation == 'binary':
            return 2
        return len(self.match.student.indices) + int(self._keeps_background)

    def student(self, rows: Tensor) -> Tensor:
        """What is compared of the student's rows (K, C or C + 1)."""
        return _by_activation(self.student_logits(rows), self.activation)

    def teacher(self, rows: Tensor) -> Tensor:
        """What is compared of the teacher's rows (K, C or C + 1)."""
        return _by_activation(self.teacher_logits(rows), self.activation)

    def student_logits(self, rows: Tensor) -> Tensor:
        """The student's rows in the classes in common."""
        return self._common(rows, self.match.student)

    def teacher_logits(self, rows: Tensor) -> Tensor:
        """The teacher's rows in the classes in common, in the student's order."""
        return self._common(rows, self.match.teacher)

    def align_context(self, name: str, value: Tensor, repeats: int) -> Tensor:
        """The context of the rows that are compared.

        Args:
            name: Its name. A `target`, class indices (K,) or shares (K, C), becomes
                that of the common classes.
            value: An entry for each of K rows.
            repeats: How many rows each of them has become.
        """
        if name != 'target':
            return _repeated(value, repeats)
        value = self._target(value)
        if self.activation != 'binary':
            return value
        every = torch.arange(repeats, device=value.device)
        return (value[:, None] != every).long().flatten()

    @property
    def _keeps_background(self) -> bool:
        differs = self.match.student.is_partial or self.match.teacher.is_partial
        is_left_out = differs and self.logits.activation == 'sigmoid'
        return self.logits.background and not is_left_out

    def _common(self, rows: Tensor, subset: ClassSubset) -> Tensor:
        if subset.is_all and self._keeps_background == self.logits.background:
            return rows
        columns = subset.of(rows)
        if not self._keeps_background:
            return columns
        background = rows[:, subset.num_classes :]
        if subset.is_partial:
            logits = torch.cat([subset.left_out(rows), background], 1)
            logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
            background = logits.logsumexp(1, keepdim=True)
        return torch.cat([columns, background], 1)

    def _target(self, value: Tensor) -> Tensor:
        if value.ndim == 1:
            return self.match.in_common(value)
        return self.match.student.of(value) if self.match.student.is_partial else value


@dataclass(frozen=True)
class Pixels:
    """The columns of mask logits, (P, H * W): each pixel is a question of its own.

    Args:
        activation: As for :class:`Columns`; `'softmax'` compares where in its RoI an
            object is, `'binary'` each pixel.

    Raises:
        ValueError: It is something else.
    """

    activation: str | None = None
    kind: ClassVar[str] = 'a sigmoid per pixel'
    width: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if self.activation is not None:
            one_of('activation', self.activation, ACTIVATIONS)

    @property
    def is_distribution(self) -> bool:
        """Whether the softmax of a row is asked for."""
        return self.activation is not None

    def available_context(
        self, context: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """The context that a loss can ask for, and why not for the rest."""
        available = dict(context)
        if self.activation is None or 'target' not in available:
            return available, {}
        del available['target']
        return available, {
            'target': 'the columns are pixels, none of which is the class'
        }

    def student(self, rows: Tensor) -> Tensor:
        """What is compared of the student's rows."""
        return _by_activation(rows, self.activation)

    def teacher(self, rows: Tensor) -> Tensor:
        """What is compared of the teacher's rows."""
        return _by_activation(rows, self.activation)

    def align_context(self, name: str, value: Tensor, repeats: int) -> Tensor:
        """The context of the rows that are compared, see :class:`Columns`."""
        return _repeated(value, repeats)


def match_classes(student: int, teacher: int, names: ClassNames | None) -> ClassMatch:
    """The classes in common of two heads, given how many each has.

    Raises:
        ValueError: They cannot be matched.
    """
    if names is not None:
        return names.match(student, teacher)
    if student != teacher:
        raise ValueError(
            f'the student has {student} classes and the teacher {teacher}, and they '
            "can only be matched by name: name the teacher's classes, in their order, "
            "with teacher=dict(classes=[...]), and the student's in the metainfo of "
            'its training data'
        )
    return ClassMatch.same(student)


def _by_activation(rows: Tensor, activation: str | None) -> Tensor:
    if activation != 'binary':
        return rows
    logits = rows.reshape(-1, 1)
    return torch.cat([logits, torch.zeros_like(logits)], 1)


def _repeated(value: Tensor, repeats: int) -> Tensor:
    return value if repeats == 1 else value.repeat_interleave(repeats, 0)
