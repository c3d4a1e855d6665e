"""Two-stage detectors of MMDetection: what both models make of the student's RoIs.

The student's own training step samples RoIs and scores them; both are noted on the way.
The teacher's RoI head then scores the same RoIs on the teacher's features. So row i of
the pair is one RoI seen by both models, and the student's RoI head runs once (the
authors' code runs it a second time).
"""

from __future__ import annotations

from operator import attrgetter

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.comparison import Comparison, Extra, Step
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.recorders import Tap
from ckd_mm.registry import ADAPTERS

__all__ = ['TwoStageAdapter']

_ROIS = Tap('roi_head.bbox_roi_extractor', 'input')
_BOX_HEAD = Tap('roi_head.bbox_head')
_EMBEDDING = Tap('roi_head.bbox_head.fc_cls', 'input')
_MASK_HEAD = Tap('roi_head.mask_head')
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


def _class_logits(output: tuple[Tensor, ...], step: Step) -> Tensor:
    return output[0]


@ADAPTERS.register_module()
class TwoStageAdapter(DetectionAdapter):
    """Detectors with one RoI box head, such as Faster and Mask R-CNN.

    `roi_logits`: class logits of all RoIs that the student's sampler drew, background
    included, (R, C + 1); `target` is the class assigned to each, `image_index` its
    image, `rois` the boxes (R, 5). `embedding`: what the last layer of the box head
    makes the logits of, (R, D), with the same extras. `mask_logits`: the mask of each
    RoI assigned to an object, in the channel of its class, as one row (P, H * W);
    `target` is that class, `rois` the boxes (P, 5). `backbone` and `neck`: see
    :class:`DetectionAdapter`.
    """

    reachable = (
        'backbone',
        'neck',
        'rpn_head',
        'roi_head.bbox',
        'roi_head.shared_head',
        'roi_head.mask',
    )

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        roi_head = getattr(model, 'roi_head', None)
        names = ('bbox_roi_extractor', 'bbox_head')
        return hasattr(roi_head, '_bbox_forward') and not any(
            isinstance(getattr(roi_head, name, None), (nn.ModuleList, type(None)))
            for name in names
        )

    def comparisons(self) -> dict[str, Comparison]:
        of_rois = {
            'target': Extra(_labels, (_CLASS_LOSS,)),
            'image_index': Extra(_image_index, (_ROIS,)),
            'rois': Extra(_rois, (_ROIS,)),
        }
        known = super().comparisons()
        known['roi_logits'] = Comparison(
            _BOX_HEAD,
            _BOX_HEAD,
            select=_class_logits,
            extras=of_rois,
            num_classes='roi_head.bbox_head.num_classes',
        )
        models = (self.student, self.teacher)
        if all(_has(model, 'bbox_head.fc_cls') for model in models):
            known['embedding'] = Comparison(_EMBEDDING, _EMBEDDING, extras=of_rois)
        if all(_has(model, 'mask_head') for model in models):
            known['mask_logits'] = self._masks()
        return known

    def student_taps(self) -> list[Tap]:
        if self._makes_masks:
            return [_ROIS, _CLASS_LOSS, _MASK_HEAD]
        return [_ROIS] if self._scores_rois else []

    def run_teacher(self, inputs: Tensor, step: Step) -> None:
        # mmcv's RoIAlign reads features that lie in memory as NHWC as if they were NCHW
        features = tuple(level.contiguous() for level in self.extract(inputs))
        if self.runs('rpn_head'):
            self.teacher.rpn_head(features)
        roi_head = self.teacher.roi_head
        if self._scores_rois:
            roi_head._bbox_forward(features, _rois(step))
        if self._makes_masks:
            roi_head._mask_forward(features, self._object_rois(step))

    def _masks(self) -> Comparison:
        """Rows of mask logits, for the RoIs that have an object."""
        return Comparison(
            _MASK_HEAD,
            _MASK_HEAD,
            select=self._mask_rows,
            extras={
                'target': Extra(self._object_labels, (_CLASS_LOSS,)),
                'rois': Extra(self._object_rois, (_ROIS, _CLASS_LOSS)),
            },
            num_classes='roi_head.mask_head.num_classes',
        )

    def _mask_rows(self, masks: Tensor, step: Step) -> Tensor:
        """Of (P, C, H, W), or (P, 1, H, W) if class-agnostic, the rows (P, H * W)."""
        labels = self._object_labels(step)
        channel = labels if masks.shape[1] > 1 else torch.zeros_like(labels)
        return masks[torch.arange(len(masks), device=masks.device), channel].flatten(1)

    def _object_labels(self, step: Step) -> Tensor:
        return _labels(step)[self._objects(step)]

    def _object_rois(self, step: Step) -> Tensor:
        """The RoIs that the student's mask head was trained on, in its order."""
        return _rois(step)[self._objects(step)]

    def _objects(self, step: Step) -> Tensor:
        """Which RoIs have an object (P,).

        Their number is that of the student's masks: a processor that asked the labels
        for it would wait for the GPU.
        """
        num_objects = len(step.noted(_MASK_HEAD)[0])
        has_none = _labels(step) >= self.student.roi_head.bbox_head.num_classes
        return has_none.int().argsort(stable=True)[:num_objects]

    @property
    def _scores_rois(self) -> bool:
        return any(
            name.startswith('roi_head') and not name.startswith('roi_head.mask')
            for name in self._teacher_modules()
        )

    @property
    def _makes_masks(self) -> bool:
        return any(name.startswith('roi_head.mask') for name in self._teacher_modules())

    def _teacher_modules(self) -> list[str]:
        return [comparison.teacher.module for comparison in self._all()]


def _has(model: BaseModel, name: str) -> bool:
    """Whether the RoI head has this module."""
    try:
        return attrgetter(name)(model.roi_head) is not None
    except AttributeError:
        return False
