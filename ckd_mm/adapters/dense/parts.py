"""What two dense heads can be compared by: the parts and their options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.batch_checks import check_number
from ckd_mm.adapters.core.box_deltas import why_no_deltas
from ckd_mm.adapters.core.class_logits import Columns
from ckd_mm.adapters.core.class_match import ClassMatch, ClassSubset
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.pair_spec import (
    Context,
    PairSpec,
    Part,
    Readout,
    TeacherContext,
    Unavailable,
)
from ckd_mm.adapters.core.prompts import Tokens
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.dense.head import DenseHead, why_not
from ckd_mm.adapters.dense.priors import choose_rows
from ckd_mm.adapters.dense.region import in_region, why_no_region
from ckd_mm.adapters.dense.student_rows import StudentRows
from ckd_mm.adapters.dense.values import (
    delta_rows,
    dense_objectness_rows,
    edge_rows,
    objectness_rows,
)
from ckd_mm.checks import one_of, positive_integer

__all__ = ['DenseParts']

ROWS = ('confident', 'assigned', 'both', 'vlr')
OF_LABELS = ('assigned', 'both')
"""Those that the student's assigner tells."""

SelectRows: TypeAlias = Callable[[DenseHead, list[Any], Tensor | None], Tensor]
"""Rows of a head, from what its taps noted and their indices; `None` is all."""


class DenseParts:
    """The parts of two models with dense heads over the same grid.

    Each part compares some anchors or points of an image, the same in both models.
    `topk` is the maximum number of them per image. `rows` says which they are:
    `'confident'`, those where the teacher is surest of an object; `'assigned'`, those
    that the student's assigner gave an object; `'both'`, the assigned ones, then the
    confident ones; `'vlr'`, those around an object, LD's valuable localisation region.
    Almost all anchors or points are easy background, which would drown the rest.
    `'assigned'` and `'vlr'` wait for the device, the others do not.

    Args:
        student: The student.
        teacher: The teacher.
        path: The name of the head in both; by default see :class:`DenseHead`.
        names: The names of their classes.
    """

    def __init__(
        self,
        student: BaseModel,
        teacher: BaseModel,
        path: str = '',
        names: ClassNames | None = None,
    ) -> None:
        self.names = names
        self.student, self.teacher = (
            DenseHead(model, path) for model in (student, teacher)
        )
        self._of_student = StudentRows(self.student)
        self._missing = why_not(self.student, self.teacher)

    def of_classes(self) -> Part:
        """The part of class logits, or why there is none."""
        return self._missing or self.class_logits

    def of_objectness(self) -> Part:
        """The part of objectness, or why there is none."""
        return self._missing or partial(self._of_objectness, objectness_rows)

    def of_dense_objectness(self) -> Part:
        """The part of objectness beside class logits, or why there is none."""
        if not (
            self.student.logits.has_objectness and self.teacher.logits.has_objectness
        ):
            return Unavailable(
                'only YOLO heads have objectness apart, and both need it'
            )
        return self._missing or partial(self._of_objectness, dense_objectness_rows)

    def of_boxes(self) -> Part:
        """The part of distributions of box edges, or why there is none."""
        heads = [self.student.module, self.teacher.module]
        if not all(hasattr(head, 'integral') for head in heads):
            return Unavailable(
                'only the heads of GFL and its kind have it, and both need it'
            )
        student_max, teacher_max = (head.reg_max for head in heads)
        if student_max != teacher_max:
            return Unavailable(
                f'the student has reg_max={student_max} and the teacher '
                f'reg_max={teacher_max}; take a teacher with the same'
            )
        return self._missing or self.box_distribution

    def of_deltas(self) -> Part:
        """The part of box deltas, or why there is none."""
        heads = [[head.module] for head in (self.student, self.teacher)]
        if not (self.student.has_fixed_anchors and self.teacher.has_fixed_anchors):
            return Unavailable(
                'each head makes its own anchors, so deltas are of other boxes'
            )
        return self._missing or why_no_deltas(*heads) or self.box_deltas

    def class_logits(
        self,
        topk: int | None = 256,
        rows: str = 'confident',
        activation: str | None = None,
    ) -> PairSpec:
        """Class logits of chosen anchors or points, (K, C), or (K, C + 1) of a softmax.

        `target` is the class assigned to each, `image_index` its image. Without a
        column for background there is a target only with `rows='assigned'`, or with
        `activation='binary'`, where each class is a row; see
        :class:`ckd_mm.adapters.core.class_logits.Columns`.
        """
        if self.student.has_prompts:
            return self._token_logits(topk, rows, activation)
        columns = Columns.of(
            self.student.logits, self.teacher.logits, self.names, activation
        )
        has_target = (
            rows == 'assigned' or self.student.softmax or activation == 'binary'
        )
        spec = self.spec(DenseHead.class_rows, topk, rows, has_target, columns.match)
        return replace(spec, columns=columns)

    def _token_logits(
        self, topk: int | None, rows: str, activation: str | None
    ) -> PairSpec:
        """The same with a column for each token of a prompt, (K, T)."""
        match = ClassMatch.same(self.student.width)
        spec = self.spec(DenseHead.class_rows, topk, rows, False, match)
        return replace(spec, columns=Tokens(activation))

    def _of_objectness(
        self,
        select_rows: SelectRows,
        topk: int | None = 256,
        rows: str = 'confident',
    ) -> PairSpec:
        """Logits of object and background of chosen anchors or points, (K, 2).

        The one logit z of a sigmoid head is the row (z, 0), whose softmax is its
        sigmoid, so that every loss of logits applies. `target` is 0 where an object was
        assigned, else 1; `image_index` the image.
        """
        match = ClassMatch.same(self.student.logits.num_classes)
        spec = self.spec(select_rows, topk, rows, True, match)
        context = dict(spec.context)
        if isinstance(target := context.get('target'), Context):
            context['target'] = replace(target, read=self._of_student.is_background)
        return replace(spec, context=context)

    def box_distribution(
        self, topk: int | None = 256, rows: str = 'confident'
    ) -> PairSpec:
        """Logits of the distances to a box's four edges, (4 * K, reg_max + 1).

        With `KDLoss` this is localisation distillation, arXiv:2102.12252 (temperature
        10). Its authors weigh points by the student's confidence. Here all count alike.
        """
        spec = self.spec(edge_rows, topk, rows, False, self.match())
        return replace(spec, context={}, missing_context={})

    def box_deltas(self, topk: int | None = 256) -> PairSpec:
        """Box deltas (K, 4) of the anchors or points assigned to an object.

        The student's assigner chooses them. The deltas are in the units that the
        student's head is trained in. `box_target` has the deltas of the ground truth.
        """
        match = ClassMatch.same(self.student.logits.num_classes)
        select_rows = partial(delta_rows, student=self.student)
        spec = self.spec(select_rows, topk, 'assigned', False, match)
        context = {
            'image_index': self._of_student.image_index,
            'box_target': self._of_student.box_target,
        }
        return replace(spec, context=context, missing_context={}, gives='box deltas')

    def spec(
        self,
        select_rows: SelectRows,
        topk: int | None,
        rows: str,
        has_target: bool,
        match: ClassMatch,
    ) -> PairSpec:
        """What a part means.

        A loss can ask for `image_index`, for `scores` (how sure the teacher is of an
        object) and for `assigned` (whether the student's assigner gave one).
        """
        student, teacher = (
            Readout(head.taps, select_rows=partial(select_rows, head))
            for head in (self.student, self.teacher)
        )
        one_of('rows', rows, ROWS)
        if topk is not None:
            positive_integer('topk', topk)
        of_student, label_taps = self._of_student, self.student.label_taps()
        if rows == 'vlr' and (reason := why_no_region(self.student)):
            raise ValueError(f"rows='vlr': {reason}; take rows='assigned'")
        if rows in OF_LABELS and not label_taps:
            raise ValueError(
                f'rows={rows!r} cannot be known: {of_student.why_no_labels}; take '
                "rows='confident'"
            )
        scores = TeacherContext(
            partial(_scores, self.teacher, match.teacher), teacher.taps
        )
        known, missing_context = of_student.context(has_target)
        also = label_taps if rows in OF_LABELS else ()
        return PairSpec(
            student,
            teacher,
            context={**known, 'scores': scores},
            missing_context=missing_context,
            choose=partial(self._choose, topk, rows, match),
            also_taps=(self.student.taps[0], *also),
            by_teacher=True,
            match=match,
            labels=of_student.labels if label_taps else None,
        )

    def match(self) -> ClassMatch:
        """The classes in common, where only the choice of rows depends on them."""
        student, teacher = (
            head.logits.num_classes for head in (self.student, self.teacher)
        )
        if self.names is None:
            return ClassMatch(ClassSubset.every(student), ClassSubset.every(teacher))
        return self.names.match(student, teacher)

    def _choose(
        self,
        topk: int | None,
        rows: str,
        match: ClassMatch,
        student_values: list[Any],
        teacher_values: list[Any],
        step: Step,
    ) -> tuple[Tensor, Tensor]:
        (student_outputs,) = step.noted(self.student.taps[0])
        student_maps = self.student.maps(student_outputs)
        teacher_maps = self.teacher.maps(teacher_values[0])
        check_number(student_maps, teacher_maps)
        sizes = [
            [tuple(level.shape[-2:]) for level in maps]
            for maps in (student_maps, teacher_maps)
        ]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f'the levels of {self.student.path!r} must be of one size, but the '
                f"student's are {sizes[0]} and the teacher's {sizes[1]}; give both "
                'data preprocessors the same pad_size_divisor'
            )
        scores = self.teacher.confidences(teacher_values, match.teacher)
        is_assigned = None
        if rows == 'vlr':
            is_assigned = in_region(self.student, student_maps, step.data_samples)
        elif rows != 'confident':
            is_assigned = self.student.is_object(
                self.student.labels(student_outputs, step)
            )
        chosen = choose_rows(scores, is_assigned, topk, rows)
        return chosen, chosen


def _scores(
    teacher: DenseHead, classes: ClassSubset, values: list[Any], step: Step
) -> Tensor:
    return teacher.confidences(values, classes).flatten()
