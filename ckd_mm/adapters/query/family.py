"""Query-based detectors of MMDetection: matched queries of student and teacher."""

from __future__ import annotations

from dataclasses import replace

from mmengine.model import BaseModel

from ckd_mm.adapters.core.pair_spec import PairSpec, Part
from ckd_mm.adapters.core.passes import Pass
from ckd_mm.adapters.core.prompts import why_other_tokens
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.adapters.query.answers import teacher_answers, why_no_answers
from ckd_mm.adapters.query.encoder import encoder_maps
from ckd_mm.adapters.query.heads import QueryHead
from ckd_mm.adapters.query.parts import QueryParts
from ckd_mm.adapters.query.passes import TeacherQueries
from ckd_mm.adapters.query.shared import SharedQueryParts
from ckd_mm.registry import ADAPTERS

__all__ = ['QueryAdapter']


@ADAPTERS.register_module()
class QueryAdapter(DetectionAdapter):
    """Detectors like DETR, from Conditional DETR to DDQ and Grounding DINO, and
    MaskFormer and Mask2Former.

    `query_logits`: class logits of matched queries, see
    :class:`ckd_mm.adapters.query.parts.QueryParts`; where both models are told their
    classes in words, of each token of the prompt. `mask_logits`: their masks, of heads
    whose queries have a mask instead of a box. `shared_query_logits` and
    `shared_query_boxes`: what both decoders answer to the same queries, see
    :class:`ckd_mm.adapters.query.shared.SharedQueryParts`. `encoder`: what the encoder
    makes of the neck's maps, by level. `backbone` and `neck`: see
    :class:`DetectionAdapter`. With `encoder` and `neck`, a loss can ask for `queries`
    and `quality`, see :func:`ckd_mm.adapters.query.answers.teacher_answers`.
    """

    who = 'detectors with queries (an encoder and a decoder)'
    head_parts = (
        *('query_logits', 'mask_logits'),
        *('shared_query_logits', 'shared_query_boxes', 'encoder'),
    )

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        return QueryHead.fits(model)

    def parts_of_heads(self) -> dict[str, Part]:
        reason = why_other_tokens(self.student, self.teacher)
        if reason is not None:
            return dict.fromkeys(self.head_parts, reason)
        student, teacher = QueryHead(self.student), QueryHead(self.teacher)
        maps = {
            'neck': self._feature_maps('neck'),
            'encoder': encoder_maps(student, teacher),
        }
        answers, withheld = teacher_answers(teacher), why_no_answers(student, teacher)
        answers = {name: answers[name] for name in answers if name not in withheld}
        return {
            **QueryParts(student, teacher, self.names).parts(),
            **SharedQueryParts(student, teacher, self.names).parts(),
            **{
                name: replace(part, context=answers, missing_context=withheld)
                if isinstance(part, PairSpec)
                else part
                for name, part in maps.items()
            },
        }

    def runs(self) -> dict[str, Pass]:
        if not self.supports(self.teacher):
            return super().runs()
        return {**super().runs(), '': TeacherQueries(QueryHead(self.teacher))}
