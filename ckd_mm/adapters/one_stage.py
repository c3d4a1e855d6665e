"""One-stage detectors of MMDetection: what both models say of the same places."""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.comparison import Part, Step
from ckd_mm.adapters.dense_head import PATHS, DenseHead
from ckd_mm.adapters.dense_parts import DenseParts
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.registry import ADAPTERS

__all__ = ['OneStageAdapter']


@ADAPTERS.register_module()
class OneStageAdapter(DetectionAdapter):
    """Detectors with one dense head, from RetinaNet and YOLOv3 to CenterNet and SOLO.

    `dense_logits`: class logits of chosen anchors or points, of pixels of a heat map or
    cells of SOLO's grids, (K, C). `rpn_logits` and `rpn_boxes` of an RPN alone.
    `box_distribution`: logits of a box's edges, of heads like GFL's. Their options: see
    :class:`ckd_mm.adapters.dense_parts.DenseParts`. The heads may be of different
    kinds, if their levels have the same strides and their positions the same anchors.
    `backbone` and `neck`: see :class:`DetectionAdapter`.
    """

    runs_itself = ('backbone.', 'neck.', *(f'{path}.' for path in PATHS))
    row_parts = ('dense_logits', 'box_distribution')

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        heads = [name for name in PATHS if DenseHead.fits(model, name)]
        return bool(heads) and not hasattr(model, 'roi_head')

    def rows(self) -> dict[str, Part]:
        parts = DenseParts(self.student, self.teacher, names=self.names)
        known = {
            'dense_logits': parts.of_classes(),
            'box_distribution': parts.of_boxes(),
        }
        if parts.student.is_rpn and parts.teacher.is_rpn:
            known['rpn_logits'] = parts.of_objectness()
            known['rpn_boxes'] = parts.of_deltas()
        return known

    def run_teacher(self, inputs: Tensor, features: Any, step: Step) -> None:
        super().run_teacher(inputs, features, step)
        head = DenseHead(self.teacher)
        if features is not None and self.runs(head.path):
            head.run(features)
