"""Query-based detectors of MMDetection: matched queries of student and teacher."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Part
from ckd_mm.adapters.core.passes import FeatureMaps, Made, Pass
from ckd_mm.adapters.core.prompts import (
    PROMPTS,
    prompts_of,
    why_other_tokens,
)
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
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

    head_parts = ('query_logits', 'mask_logits')

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        return QueryHead.fits(model)

    def parts_of_heads(self) -> dict[str, Part]:
        reason = why_other_tokens(self.student, self.teacher)
        if reason is not None:
            return dict.fromkeys(self.head_parts, reason)
        student, teacher = QueryHead(self.student), QueryHead(self.teacher)
        return QueryParts(student, teacher, self.names).parts()

    def runs(self) -> dict[str, Pass]:
        if not self.supports(self.teacher):
            return super().runs()
        return {**super().runs(), '': _Queries(QueryHead(self.teacher))}


@dataclass(frozen=True)
class _Queries(Pass):
    """All that makes queries of feature maps, and of a prompt where there is one."""

    head: QueryHead = field(compare=False, repr=False)

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (FeatureMaps(self.head.model),)

    @property
    def student_taps(self) -> tuple[Tap, ...]:
        return (PROMPTS,) if self.head.has_prompts else ()

    def run(self, images: Tensor, step: Step, made: Made) -> Any:
        # The size of the teacher's batch, and nothing of the ground truth
        shape = tuple(images.shape[-2:])
        samples = [
            type(one)(metainfo={**one.metainfo, 'batch_input_shape': shape})
            for one in step.data_samples
        ]
        prompts = prompts_of(step) if self.head.has_prompts else ()
        features = made[FeatureMaps(self.head.model)]
        return self.head.run(features, samples, prompts)
