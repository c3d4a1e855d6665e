"""One-stage detectors of MMDetection, compared at the same anchors or points."""

from __future__ import annotations

from mmengine.model import BaseModel

from ckd_mm.adapters.core.pair_spec import Part, Unavailable
from ckd_mm.adapters.core.passes import Pass
from ckd_mm.adapters.dense.cross import CrossDenseParts
from ckd_mm.adapters.dense.head import PATHS, DenseHead
from ckd_mm.adapters.dense.parts import DenseParts
from ckd_mm.adapters.dense.passes import Head
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.registry import ADAPTERS

__all__ = ['OneStageAdapter']


@ADAPTERS.register_module()
class OneStageAdapter(DetectionAdapter):
    """Detectors with one dense head, from RetinaNet and YOLOv3 to CenterNet and SOLO.

    `dense_logits`: class logits of chosen anchors or points, of pixels of a heat map or
    cells of SOLO's grids, (K, C). `dense_objectness`: object or background, (K, 2), of
    YOLOX and YOLOv3, which have it beside the classes. `rpn_logits` and `rpn_boxes` of
    an RPN alone.
    `box_distribution`: logits of a box's edges, of heads like GFL's. Their options: see
    :class:`ckd_mm.adapters.dense.parts.DenseParts`. The heads may be of different
    kinds, if their levels have the same strides and their positions the same anchors.
    `cross_logits`, `cross_boxes`, `cross_distribution`: the student's head maps through
    the rest of the teacher's head, at all anchors or points, see
    :class:`ckd_mm.adapters.dense.cross.CrossDenseParts`.
    `backbone` and `neck`: see :class:`DetectionAdapter`.
    """

    who = 'one-stage detectors with a dense head'
    head_parts = (
        *('dense_logits', 'dense_objectness', 'box_distribution'),
        *('cross_logits', 'cross_boxes', 'cross_distribution'),
    )

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        heads = [name for name in PATHS if DenseHead.fits(model, name)]
        return bool(heads) and not hasattr(model, 'roi_head')

    def parts_of_heads(self) -> dict[str, Part]:
        parts = DenseParts(self.student, self.teacher, names=self.names)
        known = {
            'dense_logits': parts.of_classes(),
            'box_distribution': parts.of_boxes(),
            **CrossDenseParts(parts).parts(),
        }
        owners = (self.student, parts.student.module)  # RTMDet-Ins: in the head
        if any(getattr(owner, 'mask_head', None) is not None for owner in owners):
            known['mask_logits'] = Unavailable(
                'each model makes masks of its own kernels or coefficients, for the '
                "objects of its own head; compare on='dense_logits' or on='neck'"
            )
        if parts.student.logits.has_objectness:
            known['dense_objectness'] = parts.of_dense_objectness()
        if parts.student.is_rpn and parts.teacher.is_rpn:
            known['rpn_logits'] = parts.of_objectness()
            known['rpn_boxes'] = parts.of_deltas()
        return known

    def runs(self) -> dict[str, Pass]:
        if not self.supports(self.teacher):
            return super().runs()
        head = DenseHead(self.teacher)
        run = Head(head)
        return {**super().runs(), head.path: run, 'language_model': run}
