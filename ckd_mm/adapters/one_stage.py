"""One-stage detectors of MMDetection: what both models say of the same places."""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.comparison import Part, Step
from ckd_mm.adapters.dense_head import DenseHead
from ckd_mm.adapters.dense_parts import DenseParts
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.registry import ADAPTERS

__all__ = ['OneStageAdapter']


@ADAPTERS.register_module()
class OneStageAdapter(DetectionAdapter):
    """Detectors with one dense head: RetinaNet, FCOS, ATSS, GFL, RTMDet, YOLOX.

    `dense_logits`: class logits of chosen anchors or points, (K, C).
    `box_distribution`: logits of a box's edges, of heads like GFL's. Their options: see
    :class:`ckd_mm.adapters.dense_parts.DenseParts`. The heads may be of different
    kinds, if their levels have the same strides and their positions the same anchors.
    `backbone` and `neck`: see :class:`DetectionAdapter`.
    """

    runs_itself = ('backbone.', 'neck.', 'bbox_head.')
    row_parts = ('dense_logits', 'box_distribution')

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        return DenseHead.fits(model, 'bbox_head') and not hasattr(model, 'roi_head')

    def rows(self) -> dict[str, Part]:
        parts = DenseParts(self.student, self.teacher, 'bbox_head', self.names)
        return {
            'dense_logits': parts.of_classes(),
            'box_distribution': parts.of_boxes(),
        }

    def run_teacher(self, inputs: Tensor, features: Any, step: Step) -> None:
        super().run_teacher(inputs, features, step)
        if features is not None and self.runs('bbox_head'):
            self.teacher.bbox_head(features)
