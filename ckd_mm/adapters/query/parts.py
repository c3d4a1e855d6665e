"""What the queries of two models can be compared by: the parts and their options.

Shape suffixes: N images, Q queries, T those of the teacher, K matched pairs, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ckd_mm.adapters.core.batch_checks import check_number
from ckd_mm.adapters.core.class_logits import Columns, Pixels
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.pair_spec import Context, PairSpec, Part, Readout, Unavailable
from ckd_mm.adapters.core.prompts import Tokens
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.query.matching import (
    QueryOutputs,
    box_distances,
    class_distances,
    confidences,
    mask_distances,
    match,
)
from ckd_mm.adapters.query.queries import Queries
from ckd_mm.checks import (
    check_any_positive,
    non_negative,
    one_of,
    positive_integer,
)

__all__ = ['QueryParts']


class QueryParts:
    """The parts of two models with queries.

    Args:
        student: The student's queries.
        teacher: The teacher's.
        names: The names of their classes.
    """

    def __init__(
        self, student: Queries, teacher: Queries, names: ClassNames | None = None
    ) -> None:
        self.student, self.teacher, self.names = student, teacher, names

    def parts(self) -> dict[str, Part]:
        """The parts by name."""
        words = [
            'a mask' if queries.has_masks else 'a box'
            for queries in (self.student, self.teacher)
        ]
        if words == ['a mask', 'a mask']:
            return {'query_logits': self.mask_query_logits, 'mask_logits': self.masks}
        if words == ['a box', 'a box']:
            reason = Unavailable('their queries have a box each, and no mask')
            return {'query_logits': self.query_logits, 'mask_logits': reason}
        reason = Unavailable(
            f'the queries of the student have {words[0]} each and those of the teacher '
            f"{words[1]}, so they cannot be matched; compare on='backbone'"
        )
        return {'query_logits': reason, 'mask_logits': reason}

    def query_logits(
        self,
        topk: int | None = None,
        class_cost: float = 2.0,
        box_cost: float = 5.0,
        activation: str | None = None,
        layers: str = 'last',
    ) -> PairSpec:
        """Class logits of the last decoder layer or stage, of matched queries (K, C).

        The Hungarian algorithm matches the queries of each image, so that the sum of
        the costs is least. The costs are the differences of classes and boxes of
        :mod:`ckd_mm.adapters.query.matching`, times their weights. The matching waits
        for the device once in a step; MMDetection's own assigner does so in each layer.
        Queries for denoising and the dense queries of DDQ take no part. DETRDistill
        (arXiv:2211.10156) matches a student with the teacher's predictions in this way.
        The costs are ours, with the weights that MMDetection's assigners have for
        classes and boxes.

        `image_index` is the image of each pair; with a softmax head, `target` is the
        class that the student's assigner gave its query.

        Args:
            topk: The maximum number of the teacher's queries per image, those that it
                is surest of; `None` is all of them.
            class_cost: The weight of a difference in the classes.
            box_cost: The weight of a difference in the box.
            activation: See :class:`ckd_mm.adapters.core.class_logits.Columns`.
            layers: `'last'`, or `'all'`: the queries of each decoder layer are matched
                with those of the teacher's layer of the same number, as DETRDistill
                does. The step waits once for all layers. Rows are those of the first
                layer, then those of the second, and so on.
        """
        if one_of('layers', layers, ('last', 'all')) == 'all':
            return self._of_all_layers().query_logits(
                topk, class_cost, box_cost, activation
            )
        non_negative('box_cost', box_cost)
        check_any_positive(class_cost=class_cost, box_cost=box_cost)
        return self._class_logits(
            topk, class_cost, partial(_distances, box_distances, box_cost), activation
        )

    def mask_query_logits(
        self,
        topk: int | None = None,
        class_cost: float = 2.0,
        mask_cost: float = 5.0,
        activation: str | None = None,
    ) -> PairSpec:
        """The same of queries with a mask each.

        Args:
            topk: As for :meth:`query_logits`.
            class_cost: The weight of a difference in the classes.
            mask_cost: The weight of a difference in the mask.
            activation: As for :meth:`query_logits`.
        """
        non_negative('mask_cost', mask_cost)
        check_any_positive(class_cost=class_cost, mask_cost=mask_cost)
        return self._class_logits(
            topk, class_cost, partial(_distances, mask_distances, mask_cost), activation
        )

    def masks(
        self,
        topk: int | None = 20,
        class_cost: float = 2.0,
        mask_cost: float = 5.0,
        activation: str | None = None,
    ) -> PairSpec:
        """The masks of matched queries, (K, H * W), as logits of each pixel.

        Most queries have no object, so few are compared.

        Args:
            topk: As for :meth:`query_logits`.
            class_cost: The weight of a difference in the classes.
            mask_cost: The weight of a difference in the mask.
            activation: See :class:`ckd_mm.adapters.core.class_logits.Pixels`.
        """
        spec = self.mask_query_logits(topk, class_cost, mask_cost)
        student, teacher = (
            Readout(queries.taps, partial(_masks, queries))
            for queries in (self.student, self.teacher)
        )
        columns = Pixels(activation)
        context, missing = columns.available_context(spec.context)
        return replace(
            spec,
            student=student,
            teacher=teacher,
            columns=columns,
            context=context,
            missing_context={**spec.missing_context, **missing},
        )

    def _of_all_layers(self) -> QueryParts:
        student, teacher = (
            queries.of_all_layers() for queries in (self.student, self.teacher)
        )
        if student.num_layers != teacher.num_layers:
            raise ValueError(
                f"the student's decoder has {student.num_layers} layers and the "
                f"teacher's {teacher.num_layers}, so they cannot be matched one by "
                "one; leave layers='last'"
            )
        return QueryParts(student, teacher, self.names)

    def _class_logits(
        self,
        topk: int | None,
        class_cost: float,
        box_or_mask_costs: Callable[[QueryOutputs, QueryOutputs], Tensor],
        activation: str | None,
    ) -> PairSpec:
        columns = self._columns(activation)
        has_classes = isinstance(columns, Columns)
        non_negative('class_cost', class_cost)
        if topk is not None:
            positive_integer('topk', topk)
        student, teacher = (
            Readout(queries.taps, partial(_rows, queries))
            for queries in (self.student, self.teacher)
        )
        context = {'image_index': Context(self._images, self.student.taps)}
        missing_context = {}
        labels = Context(self.student.labels, self.student.label_taps)
        if has_classes and columns.is_distribution and activation != 'softmax':
            context['target'] = labels
        else:
            missing_context['target'] = (
                'queries without an object have no target among the classes of a '
                'sigmoid head; take a loss that needs none'
            )
        return PairSpec(
            student,
            teacher,
            context=context,
            missing_context=missing_context,
            choose=partial(self._choose, topk, class_cost, box_or_mask_costs, columns),
            by_teacher=True,
            match=columns.match if isinstance(columns, Columns) else None,
            columns=columns,
            labels=labels if has_classes else None,
        )

    def _columns(self, activation: str | None) -> Columns | Tokens:
        if self.student.has_prompts:
            return Tokens(activation)
        kinds = self.student.class_logits, self.teacher.class_logits
        return Columns.of(*kinds, self.names, activation)

    def _choose(
        self,
        topk: int | None,
        class_cost: float,
        box_or_mask_costs: Callable[[QueryOutputs, QueryOutputs], Tensor],
        columns: Columns | Tokens,
        student_values: list[Any],
        teacher_values: list[Any],
        step: Step,
    ) -> tuple[Tensor, Tensor]:
        student = QueryOutputs(
            _in_common(self.student.logits(student_values), columns.student_logits),
            self.student.boxes_or_masks(student_values, step),
        )
        teacher = QueryOutputs(
            _in_common(self.teacher.logits(teacher_values), columns.teacher_logits),
            self.teacher.boxes_or_masks(teacher_values, step),
        )
        check_number(student, teacher)
        softmax = isinstance(columns, Columns) and columns.logits.background
        scores_NT = confidences(teacher, softmax=softmax)
        number = scores_NT.shape[1] if topk is None else min(topk, scores_NT.shape[1])
        best_NK = scores_NT.topk(number, dim=1).indices
        surest = QueryOutputs(*(_at(values, best_NK) for values in teacher))
        costs = box_or_mask_costs(student, surest)
        if class_cost:
            distances = class_distances(student, surest, softmax=softmax)
            costs = class_cost * distances + costs
        rows, chosen = match(costs)
        num_images, num_queries = scores_NT.shape
        first_N1 = torch.arange(num_images, device=rows.device)[:, None] * num_queries
        return rows, (best_NK + first_N1).flatten()[chosen]

    def _images(self, step: Step) -> Tensor:
        taps = self.student.taps
        logits = self.student.logits([step.noted(tap)[0] for tap in taps])
        layers = self.student.num_layers if self.student.reads_all_layers else 1
        images = torch.arange(len(logits) // layers, device=logits.device)
        return images.repeat_interleave(logits.shape[1]).repeat(layers)


def _rows(queries: Queries, values: list[Any], step: Step) -> Tensor:
    return queries.logits(values).flatten(0, 1)


def _masks(queries: Queries, values: list[Any], step: Step) -> Tensor:
    return queries.boxes_or_masks(values, step).flatten(0, 1).flatten(1)


def _in_common(logits: Tensor, columns: Callable[[Tensor], Tensor]) -> Tensor:
    """The columns in common of logits (N, Q, C)."""
    return columns(logits.flatten(0, 1)).unflatten(0, logits.shape[:2])


def _at(values: Tensor, index_NK: Tensor) -> Tensor:
    images = torch.arange(len(values), device=values.device)[:, None]
    return values[images, index_NK]


def _distances(
    distances: Callable[[QueryOutputs, QueryOutputs], Tensor],
    cost: float,
    student: QueryOutputs,
    teacher: QueryOutputs,
) -> Tensor:
    return cost * distances(student, teacher)
