"""Query-based detectors of MMDetection: what matched queries of both models say."""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Part, Step
from ckd_mm.adapters.core.prompts import (
    PROMPTS,
    has_prompts,
    prompts_of,
    why_other_tokens,
)
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.adapters.query.heads import QueryHead
from ckd_mm.adapters.query.parts import QueryParts
from ckd_mm.registry import ADAPTERS

__all__ = ['QueryAdapter']


@ADAPTERS.register_module()
class QueryAdapter(DetectionAdapter):
    """Detectors like DETR, from Conditional DETR to DDQ and Grounding DINO, and
    MaskFormer and Mask2Former.

    `query_logits`: class logits of matched queries, see
    :class:`ckd_mm.adapters.query.parts.QueryParts`; where both models are told their
    classes in words, of each token of the prompt. `mask_logits`: their masks, of heads
    whose queries have a mask instead of a box. `backbone` and `neck`: see
    :class:`DetectionAdapter`.
    """

    runs_itself = ('',)
    row_parts = ('query_logits', 'mask_logits')

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        return QueryHead.fits(model)

    def rows(self) -> dict[str, Part]:
        reason = why_other_tokens(self.student, self.teacher)
        if reason is not None:
            return dict.fromkeys(self.row_parts, reason)
        student, teacher = QueryHead(self.student), QueryHead(self.teacher)
        return QueryParts(student, teacher, self.names).parts()

    def student_taps(self) -> list[Tap]:
        return [PROMPTS] if has_prompts(self.student) else []

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
