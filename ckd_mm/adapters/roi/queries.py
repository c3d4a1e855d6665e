"""Sparse R-CNN and QueryInst: learned queries, each with a RoI that stages refine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.core.class_logits import ClassLogits
from ckd_mm.adapters.core.family import Adapter
from ckd_mm.adapters.core.pair_spec import Part, Unavailable
from ckd_mm.adapters.core.passes import Made, Pass
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.adapters.query.parts import QueryParts
from ckd_mm.adapters.roi.logits import roi_class_logits
from ckd_mm.adapters.roi.passes import RoIFeatures
from ckd_mm.registry import ADAPTERS

__all__ = ['RoIQueryAdapter']


@ADAPTERS.register_module()
class RoIQueryAdapter(DetectionAdapter):
    """Detectors whose RoIs belong to learned queries.

    `query_logits`: class logits of matched queries of the last stage, see
    :class:`ckd_mm.adapters.query.parts.QueryParts`. `backbone` and `neck`: see
    :class:`DetectionAdapter`.
    """

    head_parts = (
        *('query_logits', 'roi_logits', 'mask_logits'),
        *('shared_query_logits', 'shared_query_boxes'),
    )

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        rpn_head, roi_head = (
            getattr(model, name, None) for name in ('rpn_head', 'roi_head')
        )
        return hasattr(rpn_head, 'init_proposal_features') and isinstance(
            getattr(roi_head, 'bbox_head', None), nn.ModuleList
        )

    def parts_of_heads(self) -> dict[str, Part]:
        student, teacher = _RoIQueries(self.student), _RoIQueries(self.teacher)
        reason = Unavailable(
            'a RoI and its mask belong to a query here, and those of two models are '
            "not the same; compare on='query_logits'"
        )
        no_decoder = Unavailable(
            'its stages refine RoIs, and it has no decoder that takes queries; compare '
            "on='query_logits'"
        )
        return {
            **QueryParts(student, teacher, self.names).parts(),
            **dict.fromkeys(('roi_logits', 'mask_logits'), reason),
            **dict.fromkeys(('shared_query_logits', 'shared_query_boxes'), no_decoder),
        }

    def runs(self) -> dict[str, Pass]:
        stages = _Stages(self.teacher)
        names = ('roi_head.bbox_head', 'roi_head.bbox_roi_extractor')
        return {**Adapter.runs(self), **dict.fromkeys(names, stages)}


@dataclass(frozen=True)
class _Stages(Pass):
    """All stages, as in testing; decoding their boxes waits for the device."""

    model: BaseModel = field(compare=False, repr=False)

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (RoIFeatures(self.model),)

    def run(self, images: Tensor, step: Step, made: Made) -> Any:
        from mmdet.structures.bbox import bbox2roi

        features, roi_head = made[RoIFeatures(self.model)], self.model.roi_head
        found = self.model.rpn_head.predict(features, step.data_samples)
        boxes = [image.bboxes for image in found]
        queries = torch.stack([image.features for image in found])
        metas = [sample.metainfo for sample in step.data_samples]
        for stage in range(len(roi_head.bbox_head)):
            result = roi_head._bbox_forward(
                stage, features, bbox2roi(boxes), queries, metas
            )
            boxes, queries = result['detached_proposals'], result['object_feats']


class _RoIQueries:
    """The queries of the last stage."""

    has_masks = False
    has_prompts = False
    reads_all_layers = False
    num_layers = 1

    def __init__(self, model: BaseModel) -> None:
        last = len(model.roi_head.bbox_head) - 1
        self._head = model.roi_head.bbox_head[last]
        head = f'roi_head.bbox_head.{last}'
        self.taps = (Tap(head), Tap(f'roi_head.bbox_roi_extractor.{last}', 'input'))
        self.label_taps = (Tap(f'{head}.loss_cls', 'input'),)

    def of_all_layers(self) -> _RoIQueries:
        """Nothing, as each stage has RoIs of its own.

        Raises:
            ValueError: In any case.
        """
        raise ValueError(
            "layers='all' is for the layers of a decoder, and these queries have "
            "stages; leave layers='last'"
        )

    @property
    def class_logits(self) -> ClassLogits:
        return roi_class_logits(self._head)

    def logits(self, values: list[Any]) -> Tensor:
        (logits, *_), _ = values
        return logits

    def boxes_or_masks(self, values: list[Any], step: Step) -> Tensor:
        """Boxes x1, y1, x2, y2, decoded once more, as no module gets them."""
        (_, deltas, *_), (_, rois, *_) = values
        priors = rois[:, 1:].unflatten(0, deltas.shape[:2])
        images = []
        for number, sample in enumerate(step.data_samples):
            height, width = sample.img_shape[:2]
            x1, y1, x2, y2 = self._head.bbox_coder.decode(
                priors[number], deltas[number], max_shape=(height, width)
            ).unbind(1)
            images.append(
                torch.stack([x1 / width, y1 / height, x2 / width, y2 / height], 1)
            )
        return torch.stack(images)

    def labels(self, step: Step) -> Tensor:
        (call,) = step.noted(self.label_taps[0])
        return call[1]
