"""Query-based detectors of MMDetection: what matched queries of both models say."""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.class_logits import ClassLogits
from ckd_mm.adapters.comparison import Part, Step
from ckd_mm.adapters.dense_rows import assigned_labels
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.adapters.query_parts import QueryParts
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

    `query_logits`: class logits of matched queries, see
    :class:`ckd_mm.adapters.query_parts.QueryParts`.
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
        student, teacher = _DecoderQueries(self.student), _DecoderQueries(self.teacher)
        return QueryParts(student, teacher, self.names).parts()

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


class _DecoderQueries:
    """Those of the last decoder layer, without the ones for denoising before them."""

    taps = (_HEAD,)
    label_taps = (_HEAD, _CLASS_LOSS)

    def __init__(self, model: BaseModel) -> None:
        self._model = model

    @property
    def class_logits(self) -> ClassLogits:
        head = self._model.bbox_head
        softmax = head.cls_out_channels != head.num_classes
        return ClassLogits(
            head.num_classes, 'softmax' if softmax else 'sigmoid', background=softmax
        )

    def logits(self, values: list[Any]) -> Tensor:
        return self._read(values)[0]

    def boxes(self, values: list[Any], step: Step) -> Tensor:
        return self._read(values)[1]

    def labels(self, step: Step) -> Tensor:
        """The class loss runs once per decoder layer before all else."""
        (outputs,) = step.noted(_HEAD)
        logits = self.logits([outputs])
        call = step.noted(_CLASS_LOSS)[len(outputs[0]) - 1]
        return assigned_labels([call], [logits.shape[1]], len(logits)).flatten()

    def _read(self, values: list[Any]) -> tuple[Tensor, Tensor]:
        """Class logits and boxes.

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
        logits, boxes = (one[-1][:, -self._model.num_queries :] for one in outputs)
        return logits, boxes
