"""Two-stage detectors of MMDetection: class logits of the student's sampled RoIs.

The student's own training step samples RoIs and scores them; both are noted on the way.
The teacher's RoI head then scores the same RoIs on the teacher's features. So row i of
the pair is one RoI seen by both models, and the student's RoI head runs once (the
authors' code runs it a second time).
"""

from __future__ import annotations

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.base import Adapter, Comparison, Extra, Step
from ckd_mm.recorders import Tap
from ckd_mm.registry import ADAPTERS

__all__ = ['TwoStageAdapter']

_ROIS = Tap('roi_head.bbox_roi_extractor', 'input')
_BOX_HEAD = Tap('roi_head.bbox_head')
_CLASS_LOSS = Tap('roi_head.bbox_head.loss_cls', 'input')


def _rois(step: Step) -> Tensor:
    """RoIs (R, 5): image index, x1, y1, x2, y2; the box head's call is the first."""
    _, rois = step.noted(_ROIS)[0]
    return rois


def _image_index(step: Step) -> Tensor:
    return _rois(step)[:, 0].long()


def _labels(step: Step) -> Tensor:
    """Class indices (R,) that the student's assigner gave; background is the last."""
    calls = step.noted(_CLASS_LOSS)
    if not calls:  # MMDetection leaves the loss out of a step without a single RoI
        return torch.zeros(0, dtype=torch.long, device=step.inputs.device)
    _, labels, *_ = calls[0]
    return labels


@ADAPTERS.register_module()
class TwoStageAdapter(Adapter):
    """Detectors with one RoI box head, such as Faster and Mask R-CNN.

    `roi_logits`: class logits of all RoIs that the student's sampler drew, background
    included, (R, C + 1); `target` is the class assigned to each, `image_index` its
    image, `rois` the boxes (R, 5).
    """

    comparisons = {
        'roi_logits': Comparison(
            _BOX_HEAD,
            _BOX_HEAD,
            item=0,
            extras={
                'target': Extra(_labels, (_CLASS_LOSS,)),
                'image_index': Extra(_image_index, (_ROIS,)),
                'rois': Extra(_rois, (_ROIS,)),
            },
            num_classes='roi_head.bbox_head.num_classes',
        ),
    }
    reachable = (
        'backbone',
        'neck',
        'rpn_head',
        'roi_head.bbox',
        'roi_head.shared_head',
    )

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        roi_head = getattr(model, 'roi_head', None)
        names = ('bbox_roi_extractor', 'bbox_head')
        return hasattr(roi_head, '_bbox_forward') and not any(
            isinstance(getattr(roi_head, name, None), (nn.ModuleList, type(None)))
            for name in names
        )

    def student_taps(self) -> list[Tap]:
        return [_ROIS] if self._scores_rois else []

    def run_teacher(self, inputs: Tensor, step: Step) -> None:
        features = self.teacher.extract_feat(inputs)
        if self.runs('rpn_head'):
            self.teacher.rpn_head(features)
        if self._scores_rois:
            self.teacher.roi_head._bbox_forward(features, _rois(step))

    @property
    def _scores_rois(self) -> bool:
        taps = (comparison.teacher for comparison in self._terms.values())
        return any(tap.module.startswith('roi_head') for tap in taps)
