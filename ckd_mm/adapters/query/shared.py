"""Queries that both decoders answer, so that nothing need be matched.

The student's decoder runs once more, on the queries of the teacher or on random
reference points, and on the student's own memory of the step. KD-DETR,
arXiv:2211.08071.

Shape suffixes: N images, Q queries, L decoder layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ckd_mm.adapters.core.class_logits import Columns
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.pair_spec import (
    Context,
    PairSpec,
    Part,
    Readout,
    TeacherContext,
    Unavailable,
)
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.query.decoder import QueryDecoder
from ckd_mm.adapters.query.heads import QueryHead
from ckd_mm.adapters.query.matching import QueryOutputs, confidences
from ckd_mm.adapters.query.passes import AskedStudent, AskedTeacher
from ckd_mm.adapters.query.questions import Questions
from ckd_mm.checks import one_of, positive_integer

__all__ = ['SharedQueryParts', 'why_no_shared_queries']

NO_TARGET = (
    'these queries are not those that the student assigns objects to; take a loss that '
    'needs none'
)


class SharedQueryParts:
    """The parts of two decoders of one kind.

    Args:
        student: The student's head.
        teacher: The teacher's.
        names: The names of their classes.
    """

    def __init__(
        self, student: QueryHead, teacher: QueryHead, names: ClassNames | None = None
    ) -> None:
        self._heads, self._names = (student, teacher), names
        self.student, self.teacher = QueryDecoder(student), QueryDecoder(teacher)

    def parts(self) -> dict[str, Part]:
        """The parts by name, or why there is none."""
        missing = why_no_shared_queries(*self._heads)
        return {
            'shared_query_logits': missing or self.logits,
            'shared_query_boxes': missing or self.boxes,
        }

    def logits(
        self,
        queries: str = 'teacher',
        number: int | None = None,
        layers: str = 'all',
        teacher_layer: str = 'same',
        activation: str | None = None,
    ) -> PairSpec:
        """Class logits (L * N * Q, C) of the same queries, layer after layer.

        `image_index` is the image of each row. `scores` are the teacher's confidences:
        the probability of the best class of each row.

        Args:
            queries: `'teacher'` are those that the teacher's decoder gets: learned
                ones, reference points, or anchors that its encoder selects. It has
                answered them anyway. `'random'` are reference points that are drawn in
                each step, the same for all images. The teacher's decoder then runs once
                more, too.
            number: How many random ones; `None` is 300.
            layers: `'all'` decoder layers of the student, or the `'last'`.
            teacher_layer: `'same'` as the student's, or always the `'last'`.
            activation: See :class:`ckd_mm.adapters.core.class_logits.Columns`.
        """
        columns = self._columns(activation)
        spec = self._spec(_logits, columns, queries, number, layers, teacher_layer)
        return replace(spec, columns=columns)

    def boxes(
        self,
        queries: str = 'teacher',
        number: int | None = None,
        layers: str = 'all',
        teacher_layer: str = 'same',
    ) -> PairSpec:
        """Their boxes (L * N * Q, 4): x1, y1, x2, y2, relative to the image.

        Args:
            queries: As for :meth:`logits`.
            number: As for :meth:`logits`.
            layers: As for :meth:`logits`.
            teacher_layer: As for :meth:`logits`.
        """
        columns = self._columns(None)
        spec = self._spec(_boxes, columns, queries, number, layers, teacher_layer)
        return replace(spec, gives='boxes')

    def _spec(
        self,
        read: Callable[[Any], Tensor],
        columns: Columns,
        queries: str,
        number: int | None,
        layers: str,
        teacher_layer: str,
    ) -> PairSpec:
        questions = self._questions(queries, number)
        which = self._layers(layers, teacher_layer)
        asked = AskedStudent(questions, self.student, self.teacher)
        again = AskedTeacher(questions, self.teacher) if queries == 'random' else None
        student, teacher = Tap('bbox_head', run=asked), Tap('bbox_head', run=again)
        images = partial(_image_index, student, which.student)
        scores = partial(_scores, columns, which.teacher)
        return PairSpec(
            Readout((student,), partial(_rows, read, which.student)),
            Readout((teacher,), partial(_rows, read, which.teacher)),
            context={
                'image_index': Context(images, (student,)),
                'scores': TeacherContext(scores, (teacher,)),
            },
            missing_context={'target': NO_TARGET, 'assigned': NO_TARGET},
            by_teacher=True,
            match=columns.match,
        )

    def _columns(self, activation: str | None) -> Columns:
        student, teacher = (head.class_logits for head in self._heads)
        return Columns.of(student, teacher, self._names, activation)

    def _questions(self, queries: str, number: int | None) -> Questions:
        one_of('queries', queries, ('teacher', 'random'))
        if queries == 'teacher':
            if number is not None:
                raise ValueError(
                    f"number={number!r} is for queries='random'; those of the teacher "
                    'are all compared, so leave it out'
                )
            return Questions()
        number = Questions.number if number is None else number
        positive_integer('number', number)
        for whose, decoder in (('student', self.student), ('teacher', self.teacher)):
            reason = decoder.why_no_random_points
            if reason is not None:
                raise ValueError(
                    f"queries='random' gives reference points alone, and the {whose} "
                    f'is a {type(decoder.head.model).__name__}: {reason}; leave '
                    "queries='teacher'"
                )
        known = self.teacher.head.model.num_queries
        if self.teacher.has_content and number > known:
            raise ValueError(
                f'number={number} random reference points need as many learned queries '
                f'of the teacher, which has {known}; give number={known} or less'
            )
        return Questions('random', number)

    def _layers(self, layers: str, teacher_layer: str) -> _Layers:
        """The layers that are compared, one with one.

        Raises:
            ValueError: There are other numbers of them.
        """
        one_of('layers', layers, ('all', 'last'))
        one_of('teacher_layer', teacher_layer, ('same', 'last'))
        if layers == 'last':
            return _Layers([-1], [-1])
        student, teacher = self.student.num_layers, self.teacher.num_layers
        if teacher_layer == 'last':
            return _Layers([*range(student)], [-1] * student)
        if student != teacher:
            raise ValueError(
                f"the student's decoder has {student} layers and the teacher's "
                f'{teacher}, so they cannot be compared one by one; compare each of '
                "the student's with the teacher's last, with teacher_layer='last', or "
                "only the last of both, with layers='last'"
            )
        return _Layers([*range(student)], [*range(teacher)])


@dataclass(frozen=True)
class _Layers:
    """The numbers of the layers that are compared, of student and teacher."""

    student: list[int]
    teacher: list[int]


def why_no_shared_queries(student: QueryHead, teacher: QueryHead) -> Unavailable | None:
    """Why the two decoders cannot answer the same queries, if so."""
    for whose, head in (('student', student), ('teacher', teacher)):
        kind = f'the {whose} is a {type(head.model).__name__}'
        if head.has_masks:
            return Unavailable(
                f'{kind}, whose queries take attention masks of their image through '
                "the decoder; compare matched queries, on='query_logits'"
            )
        if head.has_prompts:
            return Unavailable(
                f'{kind}, whose decoder takes a prompt beside queries; compare matched '
                "queries, on='query_logits'"
            )
        if not _has_decoder(head):
            return Unavailable(
                f'{kind}, which has no decoder and forward_decoder that take queries; '
                "compare matched queries, on='query_logits'"
            )
    decoders = [type(head.model.decoder).__name__ for head in (student, teacher)]
    if decoders[0] != decoders[1]:
        return Unavailable(
            'both decoders must take one kind of queries, but the student has a '
            f'{decoders[0]} and the teacher a {decoders[1]}; compare matched queries, '
            "on='query_logits'"
        )
    widths = [QueryDecoder(head).width for head in (student, teacher)]
    contents = [QueryDecoder(head).has_content for head in (student, teacher)]
    if widths[0] != widths[1] or contents[0] != contents[1]:
        return Unavailable(
            f"a query of the teacher has {widths[1]} numbers and the student's decoder "
            f'takes {widths[0]}; take a teacher whose decoder is as wide, or compare '
            "matched queries, on='query_logits'"
        )
    return None


def _has_decoder(head: QueryHead) -> bool:
    decoder = getattr(head.model, 'decoder', None)
    names = ('num_layers', 'return_intermediate')
    return hasattr(head.model, 'forward_decoder') and all(
        hasattr(decoder, name) for name in names
    )


def _logits(outputs: Any) -> Tensor:
    return outputs[0]


def _boxes(outputs: Any) -> Tensor:
    from mmdet.structures.bbox import bbox_cxcywh_to_xyxy

    return bbox_cxcywh_to_xyxy(outputs[1])


def _rows(
    read: Callable[[Any], Tensor], layers: list[int], values: list[Any], step: Step
) -> Tensor:
    return _of_layers(read(values[0]), layers).flatten(0, 2)


def _of_layers(values: Tensor, layers: list[int]) -> Tensor:
    """Some layers of (L, N, Q, C); taken without indices, which would be copied."""
    return torch.stack([values[layer] for layer in layers])


def _image_index(tap: Tap, layers: list[int], step: Step) -> Tensor:
    logits = step.noted(tap)[0][0]
    images = torch.arange(logits.shape[1], device=logits.device)
    return images.repeat_interleave(logits.shape[2]).repeat(len(layers))


def _scores(
    columns: Columns, layers: list[int], values: list[Any], step: Step
) -> Tensor:
    logits = _of_layers(_logits(values[0]), layers)
    rows = columns.teacher_logits(logits.flatten(0, 2))
    boxes = rows.new_zeros(1, len(rows), 4)
    softmax = columns.logits.activation == 'softmax'
    return confidences(QueryOutputs(rows[None], boxes), softmax=softmax)[0]
