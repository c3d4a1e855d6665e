"""Query-based detectors of MMDetection: what matched queries of both models say."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.class_logits import ClassLogits, Columns
from ckd_mm.adapters.comparison import Comparison, Extra, Part, Side, Step
from ckd_mm.adapters.dense_rows import assigned_labels
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.adapters.query_rows import match, match_costs
from ckd_mm.losses._checks import check_any_positive, non_negative, positive_integer
from ckd_mm.recorders import Tap
from ckd_mm.registry import ADAPTERS

__all__ = ['QueryAdapter']

_HEAD = Tap('bbox_head')
_CLASS_LOSS = Tap('bbox_head.loss_cls', 'input')
# They need a text, or have a second set of queries for training.
_OTHER_QUERIES = ('language_model', 'dense_topk_ratio')


@ADAPTERS.register_module()
class QueryAdapter(DetectionAdapter):
    """Detectors like DETR: Deformable DETR, DINO and others of MMDetection.

    `query_logits`: class logits of matched queries, see :meth:`query_logits`.
    `backbone` and `neck`: see :class:`DetectionAdapter`.
    """

    runs_itself = ('',)
    row_parts = ('query_logits',)

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        head = getattr(model, 'bbox_head', None)
        return (
            hasattr(model, 'forward_transformer')
            and isinstance(getattr(model, 'num_queries', None), int)
            and all(hasattr(head, name) for name in ('cls_out_channels', 'num_classes'))
            and not any(hasattr(model, name) for name in _OTHER_QUERIES)
        )

    def rows(self) -> dict[str, Part]:
        return {'query_logits': self.query_logits}

    def query_logits(
        self,
        topk: int | None = None,
        class_cost: float = 2.0,
        box_cost: float = 5.0,
        activation: str | None = None,
    ) -> Comparison:
        """Class logits of the last decoder layer, of matched queries (K, C).

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
        kinds = [_class_logits(model) for model in (self.student, self.teacher)]
        columns = Columns.of(kinds[0], kinds[1], self.names, activation)
        non_negative('class_cost', class_cost)
        non_negative('box_cost', box_cost)
        check_any_positive(class_cost=class_cost, box_cost=box_cost)
        if topk is not None:
            positive_integer('topk', topk)
        student, teacher = (
            Side((_HEAD,), partial(_logits, model))
            for model in (self.student, self.teacher)
        )
        extras, without = {'image_index': Extra(self._images, (_HEAD,))}, {}
        labels = Extra(self._targets, (_HEAD, _CLASS_LOSS))
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
        states = self.teacher.forward_transformer(features, samples)
        self.teacher.bbox_head(**states)

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
        (logits, boxes), teacher = (
            _queries(self.student, own),
            _queries(self.teacher, other),
        )
        logits, teacher_logits = (
            seen(values.flatten(0, 1)).unflatten(0, values.shape[:2])
            for seen, values in (
                (columns.student_logits, logits),
                (columns.teacher_logits, teacher[0]),
            )
        )
        teacher = (teacher_logits, teacher[1])
        softmax = columns.logits.background
        best_NK = _best(teacher[0], topk, softmax)
        costs = match_costs(
            (logits, boxes),
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
        logits, _ = _queries(self.student, step.noted(_HEAD))
        images = torch.arange(len(logits), device=logits.device)
        return images.repeat_interleave(logits.shape[1])

    def _targets(self, step: Step) -> Tensor:
        """The class loss runs once per decoder layer before all else."""
        (outputs,) = step.noted(_HEAD)
        logits, _ = _queries(self.student, [outputs])
        call = step.noted(_CLASS_LOSS)[len(outputs[0]) - 1]
        return assigned_labels([call], [logits.shape[1]], len(logits)).flatten()


def _class_logits(model: BaseModel) -> ClassLogits:
    head = model.bbox_head
    softmax = head.cls_out_channels != head.num_classes
    return ClassLogits(
        head.num_classes, 'softmax' if softmax else 'sigmoid', background=softmax
    )


def _queries(model: BaseModel, values: list[Any]) -> tuple[Tensor, Tensor]:
    """Class logits (N, Q, C) and boxes (N, Q, 4) of the last layer's own queries.

    Those for denoising come before them.

    Raises:
        ValueError: The head returned something else.
    """
    (outputs,) = values
    if len(outputs) != 2 or any(getattr(one, 'ndim', 0) != 4 for one in outputs):
        raise ValueError(
            "module 'bbox_head' is expected to return class logits and boxes by "
            f'decoder layer, (L, N, Q, C) and (L, N, Q, 4), got a '
            f"{type(outputs).__name__} of {len(outputs)}; compare on='neck'"
        )
    logits, boxes = (one[-1][:, -model.num_queries :] for one in outputs)
    return logits, boxes


def _logits(model: BaseModel, values: list[Any], step: Step) -> Tensor:
    return _queries(model, values)[0].flatten(0, 1)


def _best(logits_NTC: Tensor, topk: int | None, softmax: bool) -> Tensor:
    """The queries (N, K) that are surest of an object."""
    scores = logits_NTC.softmax(2)[..., :-1] if softmax else logits_NTC
    number = logits_NTC.shape[1] if topk is None else min(topk, logits_NTC.shape[1])
    return scores.amax(2).topk(number, dim=1).indices


def _at(values_NTD: Tensor, index_NK: Tensor) -> Tensor:
    return values_NTD.gather(1, index_NK[..., None].expand(-1, -1, values_NTD.shape[2]))
