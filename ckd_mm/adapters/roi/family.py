"""Two-stage detectors of MMDetection: student and teacher on the student's RoIs.

The student's own training step samples RoIs and scores them; both are noted on the way.
The teacher's RoI head then scores the same RoIs on the teacher's features. So row i of
the pair is one RoI seen by both models. The student's RoI head runs once; the authors'
code runs it a second time. It runs again only for RoIs that it has not seen, those of
`rois='proposals'` and `rois='teacher'`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from mmengine.model import BaseModel

from ckd_mm.adapters.core.family import Adapter
from ckd_mm.adapters.core.pair_spec import PairSpec, Part, Readout, Unavailable
from ckd_mm.adapters.core.passes import Pass
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.dense.parts import DenseParts
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.adapters.roi.cross import CrossParts
from ckd_mm.adapters.roi.heads import BESIDE, has_box_heads, why_no_rois
from ckd_mm.adapters.roi.parts import RoIParts
from ckd_mm.adapters.roi.passes import HeadsBeside, RoIHeads, RPNHead, SemanticHead
from ckd_mm.adapters.roi.queries import RoIQueryAdapter
from ckd_mm.adapters.roi.rpn import rpn_path, why_no_rpn
from ckd_mm.adapters.roi.semantic import semantic_logits
from ckd_mm.adapters.roi.stages import Stages
from ckd_mm.registry import ADAPTERS

__all__ = ['OtherRoIHeadAdapter', 'TwoStageAdapter']

Kind: TypeAlias = Literal['bbox', 'mask']

_STAGES: dict[Kind, tuple[str, ...]] = {
    'bbox': (
        'roi_head.bbox_head',
        'roi_head.bbox_roi_extractor',
        'roi_head.shared_head',
    ),
    'mask': ('roi_head.mask_head', 'roi_head.mask_roi_extractor'),
}
"""The modules that run once for each stage."""


@ADAPTERS.register_module()
class TwoStageAdapter(DetectionAdapter):
    """Detectors with a RoI box head, such as Faster, Mask and Cascade (Mask) R-CNN.

    `roi_logits`: class logits of all RoIs that the student's sampler drew, background
    included, (R, C + 1); `target` is the class assigned to each, `image_index` its
    image, `rois` the boxes (R, 5). `embedding`: what the last layer of the box head
    makes the logits of, (R, D), with the same context. `roi_features`: the pooled map
    that the box head gets of each RoI, (R, C, H, W), with the same context.
    `mask_logits`: the mask of each RoI assigned to an object, in the channel of its
    class, as one row (P, H * W), with the same context of these RoIs. `roi_boxes`: the
    box deltas of these RoIs, (P, 4); `box_target` is the ground truth's. Options: see
    :class:`ckd_mm.adapters.roi.parts.RoIParts`. `rpn_logits`: object or background at
    chosen anchors of the RPN, (K, 2), `rpn_boxes`: the box deltas of those assigned to
    an object, (K, 4), see :class:`ckd_mm.adapters.dense.parts.DenseParts`.
    `cross_roi_logits`, `cross_roi_boxes`, `cross_mask_logits`: the teacher's heads on
    the student's feature maps, against the same heads on the teacher's, see
    :class:`ckd_mm.adapters.roi.cross.CrossParts`.
    `semantic_logits`: a map of class logits (N, C, H, W), see
    :mod:`ckd_mm.adapters.roi.semantic`. `backbone` and `neck`: see
    :class:`DetectionAdapter`.
    """

    who = 'two-stage detectors with RoI heads'
    head_parts = (
        *('roi_logits', 'roi_objectness', 'embedding', 'roi_features'),
        *('mask_logits', 'roi_boxes'),
        *('cross_roi_logits', 'cross_roi_boxes', 'cross_mask_logits'),
        *('rpn_logits', 'rpn_boxes', 'semantic_logits'),
    )

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        return Stages.fits(model)

    def why_no_rows(self) -> Unavailable:
        return _why_no_rois(self) or super().why_no_rows()

    def parts_of_heads(self) -> dict[str, Part]:
        known = RoIParts(Stages(self.student), Stages(self.teacher), self.names).parts()
        missing = why_no_rpn(self.student, self.teacher)
        if missing is None:
            dense = DenseParts(self.student, self.teacher, rpn_path(self.student))
            known['rpn_logits'] = dense.of_objectness()
            known['rpn_boxes'] = dense.of_deltas()
        else:
            known |= {'rpn_logits': missing, 'rpn_boxes': missing}
        known |= CrossParts(
            Stages(self.student), Stages(self.teacher), self.names
        ).parts()
        known['semantic_logits'] = semantic_logits(
            self.student, self.teacher, self.names
        )
        return known

    def modules(self, student: str, teacher: str) -> PairSpec:
        kind = _kind_of(teacher)
        if kind is None or not self.supports(self.teacher):
            return super().modules(student, teacher)
        stages = Stages(self.student), Stages(self.teacher)
        numbers = stages[0].stage_of(student), stages[1].stage_of(teacher)
        tap = Tap(teacher, run=RoIHeads(kind, *numbers, *stages))
        return PairSpec(Readout((Tap(student),)), Readout((tap,)))

    def runs(self) -> dict[str, Pass]:
        if not self.supports(self.teacher):
            return Adapter.runs(self)
        student, teacher = Stages(self.student), Stages(self.teacher)
        heads = {
            module: RoIHeads(kind, 0, 0, student, teacher)
            for kind, modules in _STAGES.items()
            for module in modules
        }
        beside = HeadsBeside(teacher)
        return {
            **Adapter.runs(self),
            'rpn_head': RPNHead(self.teacher),
            'semantic_head': SemanticHead(self.teacher),
            **{f'roi_head.{name}': beside for name in BESIDE},
            **heads,
        }


@ADAPTERS.register_module()
class OtherRoIHeadAdapter(DetectionAdapter):
    """Detectors whose box head takes more than RoIs, and says so.

    `backbone` and `neck`: see :class:`DetectionAdapter`.
    """

    head_parts = TwoStageAdapter.head_parts

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        fits = Stages.fits(model) or RoIQueryAdapter.supports(model)
        return has_box_heads(model) and not fits

    def why_no_rows(self) -> Unavailable:
        return _why_no_rois(self) or super().why_no_rows()

    def parts_of_heads(self) -> dict[str, Part]:
        return dict.fromkeys(self.head_parts, self.why_no_rows())


def _why_no_rois(adapter: DetectionAdapter) -> Unavailable | None:
    return why_no_rois(('student', adapter.student), ('teacher', adapter.teacher))


def _kind_of(module: str) -> Kind | None:
    """Which heads of a stage a module belongs to; `None` if to none."""
    name = '.'.join(module.split('.')[:2])
    return next((kind for kind, names in _STAGES.items() if name in names), None)
