"""Query-based detectors of MMDetection: what matched queries of both models say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.class_logits import Columns, Pixels
from ckd_mm.adapters.comparison import Comparison, Extra, Missing, Part, Side, Step
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.adapters.prompts import (
    PROMPTS,
    Tokens,
    has_prompts,
    prompts_of,
    why_other_tokens,
)
from ckd_mm.adapters.query_heads import Queries, QueryHead
from ckd_mm.adapters.query_rows import (
    box_distances,
    class_distances,
    confidences,
    mask_distances,
    match,
)
from ckd_mm.losses._checks import check_any_positive, non_negative, positive_integer
from ckd_mm.recorders import Tap
from ckd_mm.registry import ADAPTERS

__all__ = ['QueryAdapter']


@ADAPTERS.register_module()
class QueryAdapter(DetectionAdapter):
    """Detectors like DETR, from Conditional DETR to DDQ and Grounding DINO, and
    MaskFormer and Mask2Former.

    `query_logits`: class logits of matched queries, see :meth:`query_logits`; where
    both models are told their classes in words, of each token of the prompt.
    `mask_logits`: their masks, of heads whose queries have a mask instead of a box.
    `backbone` and `neck`: see :class:`DetectionAdapter`.
    """

    runs_itself = ('',)
    row_parts = ('query_logits', 'mask_logits')

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        return QueryHead.fits(model)

    def rows(self) -> dict[str, Part]:
        heads = [QueryHead(model) for model in (self.student, self.teacher)]
        if all(head.has_masks for head in heads):
            return {'query_logits': self.mask_query_logits, 'mask_logits': self.masks}
        reason = why_other_tokens(self.student, self.teacher)
        if reason is not None:
            return dict.fromkeys(self.row_parts, reason)
        if any(head.has_masks for head in heads):
            words = [('a mask' if head.has_masks else 'a box') for head in heads]
            reason = Missing(
                f'the queries of the student have {words[0]} each and those of the '
                f"teacher {words[1]}, so they cannot be matched; compare on='backbone'"
            )
            return dict.fromkeys(self.row_parts, reason)
        return {
            'query_logits': self.query_logits,
            'mask_logits': Missing('their queries have a box each, and no mask'),
        }

    def query_logits(
        self,
        topk: int | None = None,
        class_cost: float = 2.0,
        box_cost: float = 5.0,
        activation: str | None = None,
    ) -> Comparison:
        """Class logits of the last decoder layer, of matched queries (K, C).

        Each image's queries are matched by the Hungarian algorithm, so that the sum of
        the costs is least: the differences of classes and boxes of
        :mod:`ckd_mm.adapters.query_rows`, times their weights. The device is waited for
        once in a step, as MMDetection's own assigner does in each layer. Queries for
        denoising take no part, nor do the dense ones of DDQ. That students are matched
        with a teacher's predictions is DETRDistill's way (arXiv:2211.10156); these
        costs are ours, with the weights that MMDetection's assigners have for classes
        and boxes.

        `image_index` is the image of each pair; with a softmax head, `target` is the
        class that the student's assigner gave its query.

        Args:
            topk: How many queries of the teacher an image has at most, those that it is
                surest of; `None` is all of them.
            class_cost: The weight of a difference in the classes.
            box_cost: The weight of a difference in the box.
            activation: See :class:`ckd_mm.adapters.class_logits.Columns`.
        """
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
    ) -> Comparison:
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
    ) -> Comparison:
        """The masks of matched queries, (K, H * W), as logits of each pixel.

        Most queries have no object, so few are compared.

        Args:
            topk: As for :meth:`query_logits`.
            class_cost: The weight of a difference in the classes.
            mask_cost: The weight of a difference in the mask.
            activation: See :class:`ckd_mm.adapters.class_logits.Pixels`.
        """
        comparison = self.mask_query_logits(topk, class_cost, mask_cost)
        sides = [
            replace(side, take=partial(_mask_rows, head))
            for side, head in zip(
                (comparison.student, comparison.teacher), self._heads, strict=True
            )
        ]
        return replace(
            comparison, student=sides[0], teacher=sides[1], columns=Pixels(activation)
        )

    def run_teacher(self, inputs: Tensor, features: Any, step: Step) -> None:
        names = ('backbone', 'neck')
        if all(tap.module.startswith(names) for tap in self.teacher_recorder.taps):
            return
        # The size of the teacher's batch, and nothing of the ground truth
        shape = tuple(inputs.shape[-2:])
        samples = [
            type(one)(metainfo={**one.metainfo, 'batch_input_shape': shape})
            for one in step.data_samples
        ]
        prompts = prompts_of(step) if has_prompts(self.teacher) else ()
        QueryHead(self.teacher).run(features, samples, prompts)

    def student_taps(self) -> list[Tap]:
        return [PROMPTS] if has_prompts(self.student) else []

    @property
    def _heads(self) -> tuple[QueryHead, QueryHead]:
        return QueryHead(self.student), QueryHead(self.teacher)

    def _class_logits(
        self,
        topk: int | None,
        class_cost: float,
        place_costs: Callable[[Queries, Queries], Tensor],
        activation: str | None,
    ) -> Comparison:
        student, teacher = self._heads
        columns = (
            Tokens(activation)
            if student.has_prompts
            else Columns.of(student.logits, teacher.logits, self.names, activation)
        )
        has_classes = isinstance(columns, Columns)
        non_negative('class_cost', class_cost)
        if topk is not None:
            positive_integer('topk', topk)
        extras, without = {'image_index': Extra(self._images, student.taps)}, {}
        labels = Extra(self._targets, (*student.taps, student.class_loss))
        if has_classes and columns.is_distribution and activation != 'softmax':
            extras['target'] = labels
        else:
            without['target'] = (
                'queries without an object have no target among the classes of a '
                'sigmoid head; take a loss that needs none'
            )
        return Comparison(
            Side(student.taps, take=partial(_class_rows, student)),
            Side(teacher.taps, take=partial(_class_rows, teacher)),
            extras=extras,
            without=without,
            choose=partial(self._choose, topk, class_cost, place_costs, columns),
            by_teacher=True,
            match=columns.match if isinstance(columns, Columns) else None,
            columns=columns,
            labels=labels if has_classes else None,
        )

    def _choose(
        self,
        topk: int | None,
        class_cost: float,
        place_costs: Callable[[Queries, Queries], Tensor],
        columns: Columns | Tokens,
        own: list[Any],
        other: list[Any],
        step: Step,
    ) -> tuple[Tensor, Tensor]:
        student, teacher = (
            head.queries(values)
            for head, values in zip(self._heads, (own, other), strict=True)
        )
        student = _seen(student, columns.student_logits)
        teacher = _seen(teacher, columns.teacher_logits)
        softmax = isinstance(columns, Columns) and columns.logits.background
        scores_NT = confidences(teacher, softmax=softmax)
        number = scores_NT.shape[1] if topk is None else min(topk, scores_NT.shape[1])
        best_NK = scores_NT.topk(number, dim=1).indices
        surest = Queries(*(_at(values, best_NK) for values in teacher))
        costs = place_costs(student, surest)
        if class_cost:
            distances = class_distances(student, surest, softmax=softmax)
            costs = class_cost * distances + costs
        rows, chosen = match(costs)
        num_images, num_queries = scores_NT.shape
        first_N1 = torch.arange(num_images, device=rows.device)[:, None] * num_queries
        return rows, (best_NK + first_N1).flatten()[chosen]

    def _images(self, step: Step) -> Tensor:
        head = QueryHead(self.student)
        logits, _ = head.queries(head.noted(step))
        images = torch.arange(len(logits), device=logits.device)
        return images.repeat_interleave(logits.shape[1])

    def _targets(self, step: Step) -> Tensor:
        return QueryHead(self.student).labels(step).flatten()


def _class_rows(head: QueryHead, values: list[Any], rows: Tensor) -> Tensor:
    return head.queries(values).logits.flatten(0, 1).index_select(0, rows)


def _mask_rows(head: QueryHead, values: list[Any], rows: Tensor) -> Tensor:
    masks = head.queries(values).places.flatten(0, 1)
    return masks.index_select(0, rows).flatten(1)


def _seen(queries: Queries, columns: Callable[[Tensor], Tensor]) -> Queries:
    """The queries, with the classes in common."""
    logits = columns(queries.logits.flatten(0, 1))
    return queries._replace(logits=logits.unflatten(0, queries.logits.shape[:2]))


def _at(values: Tensor, index_NK: Tensor) -> Tensor:
    images = torch.arange(len(values), device=values.device)[:, None]
    return values[images, index_NK]


def _distances(
    distances: Callable[[Queries, Queries], Tensor],
    cost: float,
    student: Queries,
    teacher: Queries,
) -> Tensor:
    return cost * distances(student, teacher)
