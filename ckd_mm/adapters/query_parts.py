"""What the queries of two models can be compared by: the part and its options.

Shape suffixes: N images, Q queries, T those of the teacher, K matched pairs, C classes,
D any.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from ckd_mm.adapters.class_logits import ClassLogits, Columns
from ckd_mm.adapters.class_names import ClassNames
from ckd_mm.adapters.comparison import Comparison, Extra, Part, Side, Step
from ckd_mm.adapters.query_rows import match, match_costs
from ckd_mm.losses._checks import check_any_positive, non_negative, positive_integer
from ckd_mm.recorders import Tap

__all__ = ['Queries', 'QueryParts']


class Queries(Protocol):
    """Where the last queries of a model are noted, and how they are read."""

    @property
    def taps(self) -> tuple[Tap, ...]:
        """Where logits and boxes are noted."""

    @property
    def label_taps(self) -> tuple[Tap, ...]:
        """Where the labels are noted."""

    @property
    def class_logits(self) -> ClassLogits:
        """What the columns of the logits are."""

    def logits(self, values: list[Any]) -> Tensor:
        """Class logits (N, Q, C) of what the taps noted."""

    def boxes(self, values: list[Any], step: Step) -> Tensor:
        """Boxes (N, Q, 4), relative to the image."""

    def labels(self, step: Step) -> Tensor:
        """The class (N * Q,) that the assigner gave each query."""


class QueryParts:
    """The part of two models with queries.

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
        """The part by name."""
        return {'query_logits': self.query_logits}

    def query_logits(
        self,
        topk: int | None = None,
        class_cost: float = 2.0,
        box_cost: float = 5.0,
        activation: str | None = None,
    ) -> Comparison:
        """Class logits of the last decoder layer or stage, of matched queries (K, C).

        Each image's queries are matched by the Hungarian algorithm, so that the sum of
        the costs of :func:`ckd_mm.adapters.query_rows.match_costs` is least. The device
        is waited for once in a step, as MMDetection's own assigner does in each layer.
        Queries for denoising take no part. That students are matched with a teacher's
        predictions is DETRDistill's way (arXiv:2211.10156); these costs are ours, with
        the weights that MMDetection's assigners have for classes and boxes.

        `image_index` is the image of each pair; with a softmax head, `target` is the
        class that the student's assigner gave its query.

        Args:
            topk: How many queries of the teacher an image has at most, those that it is
                surest of; `None` is all of them.
            class_cost: The weight of a difference in the classes.
            box_cost: The weight of a difference in the box.
            activation: See :class:`ckd_mm.adapters.class_logits.Columns`.
        """
        kinds = self.student.class_logits, self.teacher.class_logits
        columns = Columns.of(*kinds, self.names, activation)
        non_negative('class_cost', class_cost)
        non_negative('box_cost', box_cost)
        check_any_positive(class_cost=class_cost, box_cost=box_cost)
        if topk is not None:
            positive_integer('topk', topk)
        student, teacher = (
            Side(queries.taps, partial(_rows, queries))
            for queries in (self.student, self.teacher)
        )
        extras, without = {'image_index': Extra(self._images, self.student.taps)}, {}
        labels = Extra(self.student.labels, self.student.label_taps)
        if columns.is_distribution and activation != 'softmax':
            extras['target'] = labels
        else:
            without['target'] = (
                'queries without an object have no target among the classes of a '
                'sigmoid head; take a loss that needs none'
            )
        return Comparison(
            student,
            teacher,
            extras=extras,
            without=without,
            choose=partial(self._choose, topk, class_cost, box_cost, columns),
            by_teacher=True,
            match=columns.match,
            columns=columns,
            labels=labels,
        )

    def _choose(
        self,
        topk: int | None,
        class_cost: float,
        box_cost: float,
        columns: Columns,
        own: list[Any],
        other: list[Any],
        step: Step,
    ) -> tuple[Tensor, Tensor]:
        student, teacher = (
            (
                seen(logits.flatten(0, 1)).unflatten(0, logits.shape[:2]),
                queries.boxes(values, step),
            )
            for queries, values, logits, seen in (
                (self.student, own, self.student.logits(own), columns.student_logits),
                (
                    self.teacher,
                    other,
                    self.teacher.logits(other),
                    columns.teacher_logits,
                ),
            )
        )
        softmax = columns.logits.background
        best_NK = _best(teacher[0], topk, softmax)
        costs = match_costs(
            student,
            (_at(teacher[0], best_NK), _at(teacher[1], best_NK)),
            class_cost=class_cost,
            box_cost=box_cost,
            softmax=softmax,
        )
        rows, chosen = match(costs)
        num_images, num_queries = teacher[0].shape[:2]
        first_N1 = torch.arange(num_images, device=rows.device)[:, None] * num_queries
        return rows, (best_NK + first_N1).flatten()[chosen]

    def _images(self, step: Step) -> Tensor:
        taps = self.student.taps
        logits = self.student.logits([step.noted(tap)[0] for tap in taps])
        images = torch.arange(len(logits), device=logits.device)
        return images.repeat_interleave(logits.shape[1])


def _rows(queries: Queries, values: list[Any], step: Step) -> Tensor:
    return queries.logits(values).flatten(0, 1)


def _best(logits_NTC: Tensor, topk: int | None, softmax: bool) -> Tensor:
    """The queries (N, K) that are surest of an object."""
    scores = logits_NTC.softmax(2)[..., :-1] if softmax else logits_NTC
    number = logits_NTC.shape[1] if topk is None else min(topk, logits_NTC.shape[1])
    return scores.amax(2).topk(number, dim=1).indices


def _at(values_NTD: Tensor, index_NK: Tensor) -> Tensor:
    return values_NTD.gather(1, index_NK[..., None].expand(-1, -1, values_NTD.shape[2]))
