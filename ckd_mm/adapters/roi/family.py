"""Two-stage detectors of MMDetection: what both models make of the student's RoIs.

The student's own training step samples RoIs and scores them; both are noted on the way.
The teacher's RoI head then scores the same RoIs on the teacher's features. So row i of
the pair is one RoI seen by both models, and the student's RoI head runs once (the
authors' code runs it a second time), but for RoIs that it has not seen: those of
`rois='proposals'` and `rois='teacher'`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Comparison, Missing, Part, Side, Step
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.dense.parts import DenseParts
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.adapters.roi.heads import BESIDE, has_box_heads, why_no_rois
from ckd_mm.adapters.roi.masks import MaskRoIs
from ckd_mm.adapters.roi.parts import RoIParts
from ckd_mm.adapters.roi.proposed import ProposedRoIs, without_traces
from ckd_mm.adapters.roi.queries import RoIQueryAdapter
from ckd_mm.adapters.roi.rpn import rpn_path, run_rpn, why_no_rpn
from ckd_mm.adapters.roi.sampled import SampledRoIs
from ckd_mm.adapters.roi.semantic import semantic_logits
from ckd_mm.adapters.roi.stages import Stages, for_roi_align
from ckd_mm.registry import ADAPTERS

__all__ = ['OtherRoIHeadAdapter', 'TwoStageAdapter']

_BESIDE = tuple(f'roi_head.{name}' for name in BESIDE)


@ADAPTERS.register_module()
class TwoStageAdapter(DetectionAdapter):
    """Detectors with a RoI box head, such as Faster, Mask and Cascade (Mask) R-CNN.

    `roi_logits`: class logits of all RoIs that the student's sampler drew, background
    included, (R, C + 1); `target` is the class assigned to each, `image_index` its
    image, `rois` the boxes (R, 5). `embedding`: what the last layer of the box head
    makes the logits of, (R, D), with the same extras. `mask_logits`: the mask of each
    RoI assigned to an object, in the channel of its class, as one row (P, H * W), with
    the same extras of these RoIs. `roi_boxes`: the box deltas of these RoIs, (P, 4);
    `box_target` is the ground truth's. Their options: see
    :class:`ckd_mm.adapters.roi.parts.RoIParts`. `rpn_logits`: object or background at
    chosen anchors of the RPN, (K, 2), `rpn_boxes`: the box deltas of those assigned to
    an object, (K, 4), see :class:`ckd_mm.adapters.dense.parts.DenseParts`.
    `semantic_logits`: a map of class logits (N, C, H, W), see
    :mod:`ckd_mm.adapters.roi.semantic`. `backbone` and `neck`: see
    :class:`DetectionAdapter`.
    """

    reachable = (
        'backbone',
        'neck',
        'rpn_head',
        'semantic_head',
        'roi_head.bbox',
        'roi_head.shared_head',
        'roi_head.mask_head',
        'roi_head.mask_roi_extractor',
        *_BESIDE,
    )
    runs_itself = reachable

    row_parts = (
        *('roi_logits', 'roi_objectness', 'embedding', 'mask_logits', 'roi_boxes'),
        *('rpn_logits', 'rpn_boxes', 'semantic_logits'),
    )

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        return Stages.fits(model)

    def why_no_rows(self) -> Missing:
        return _why_no_rois(self) or super().why_no_rows()

    def rows(self) -> dict[str, Part]:
        known = RoIParts(Stages(self.student), Stages(self.teacher), self.names).parts()
        missing = why_no_rpn(self.student, self.teacher)
        if missing is None:
            dense = DenseParts(self.student, self.teacher, rpn_path(self.student))
            known['rpn_logits'] = dense.of_objectness()
            known['rpn_boxes'] = dense.of_deltas()
        else:
            known |= {'rpn_logits': missing, 'rpn_boxes': missing}
        known['semantic_logits'] = semantic_logits(
            self.student, self.teacher, self.names
        )
        return known

    def modules(self, student: str, teacher: str) -> Comparison:
        if not _is_of_stage(teacher):
            return super().modules(student, teacher)
        tap = Tap(teacher, during=Stages(self.student).stage_of(student))
        return Comparison(Side((Tap(student),)), Side((tap,)))

    def student_taps(self) -> list[Tap]:
        stages = Stages(self.student)
        return [
            tap
            for kind, passes in self._passes().items()
            for own, _ in passes
            for tap in _rois(kind, stages, own).taps
        ]

    def run_teacher(self, inputs: Tensor, features: Any, step: Step) -> None:
        extra = self._extra_passes()
        rpn = None
        if self.runs('rpn_head') or any(one.rois == 'teacher' for one in extra):
            rpn = run_rpn(self.teacher, features, step.data_samples)
        if self.runs('semantic_head'):
            self.teacher.semantic_head(features)
        self._proposals: dict[ProposedRoIs, Tensor] = {}
        own_passes = self._passes()
        if not (extra or any(own_passes.values()) or any(map(self.runs, _BESIDE))):
            return
        student, teacher = Stages(self.student), Stages(self.teacher)
        beside = teacher.beside(features)
        features = for_roi_align(features)
        for kind, passes in own_passes.items():
            for own, stage in passes:
                rois = _rois(kind, student, own).boxes(step)
                made = teacher.relayed(features, rois, beside) if kind == 'mask' else {}
                with self.teacher_recorder.during(own):
                    teacher.forward(kind, stage, features, rois, {**beside, **made})
        for proposed, stages in extra.items():
            rois = proposed.propose(self.student, self.teacher, rpn, step)
            self._proposals[proposed] = rois
            with self.teacher_recorder.during(proposed):
                for stage in stages:
                    teacher.forward('bbox', stage, features, rois, beside)

    def note_student(self, step: Step) -> None:
        for proposed, rois in self._proposals.items():
            with (
                self.student_recorder.during(proposed),
                without_traces(self.student.roi_head, rois.device),
            ):
                features = proposed.features(step)
                Stages(self.student).forward('bbox', 0, features, rois, {})

    def forget(self) -> None:
        super().forget()
        self._proposals = {}

    def _passes(self) -> dict[str, list[tuple[int, int]]]:
        """By kind of head, whose RoIs (a student's stage) go through which stage."""
        found: dict[str, set[tuple[int, int]]] = {'bbox': set(), 'mask': set()}
        for tap, stage in self._teacher_heads():
            if isinstance(tap.during, int):
                kind = 'mask' if tap.module.startswith('roi_head.mask') else 'bbox'
                found[kind].add((tap.during, stage))
        return {kind: sorted(passes) for kind, passes in found.items()}

    def _extra_passes(self) -> dict[ProposedRoIs, set[int]]:
        """Through which stages of the teacher which proposals go."""
        found: dict[ProposedRoIs, set[int]] = {}
        for tap, stage in self._teacher_heads():
            if isinstance(tap.during, ProposedRoIs):
                found.setdefault(tap.during, set()).add(stage)
        return found

    def _teacher_heads(self) -> Iterator[tuple[Tap, int]]:
        """The taps in the teacher's box and mask heads, and their stages."""
        for tap in self.teacher_recorder.taps:
            if _is_of_stage(tap.module):
                yield tap, Stages(self.teacher).stage_of(tap.module)


@ADAPTERS.register_module()
class OtherRoIHeadAdapter(DetectionAdapter):
    """Detectors whose box head takes more than RoIs, and says so.

    `backbone` and `neck`: see :class:`DetectionAdapter`.
    """

    row_parts = TwoStageAdapter.row_parts

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        fits = Stages.fits(model) or RoIQueryAdapter.supports(model)
        return has_box_heads(model) and not fits

    def why_no_rows(self) -> Missing:
        return _why_no_rois(self) or super().why_no_rows()

    def rows(self) -> dict[str, Part]:
        return dict.fromkeys(self.row_parts, self.why_no_rows())


def _why_no_rois(adapter: DetectionAdapter) -> Missing | None:
    return why_no_rois(('student', adapter.student), ('teacher', adapter.teacher))


def _is_of_stage(module: str) -> bool:
    """Whether a module is run on RoIs, rather than on images."""
    return module.startswith('roi_head.') and not f'{module}.'.startswith(_BESIDE)


def _rois(kind: str, student: Stages, stage: int) -> SampledRoIs | MaskRoIs:
    """The RoIs of a student's stage that its heads of this kind are trained on."""
    return (MaskRoIs if kind == 'mask' else SampledRoIs)(student, [stage])
