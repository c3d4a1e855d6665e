"""What a teacher's queries are behind each decoder layer, and how good their answers.

For losses of feature maps that look where the teacher's queries find objects.

Shape suffixes: L decoder layers, N images, Q queries, C classes or channels, G objects
of an image.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import TeacherContext
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.query.heads import QueryHead
from ckd_mm.functional._boxes import overlaps

__all__ = ['teacher_answers', 'why_no_answers']


def teacher_answers(teacher: QueryHead) -> dict[str, TeacherContext]:
    """What a loss can ask for of a teacher's queries, by name.

    `queries`: their features behind each decoder layer, (L, N, Q, C). `quality`:
    (L, N, Q), the scores of the detections that the teacher keeps of an image in a test
    (`max_per_img`), summed over the classes of a query, times the IoU of its box with
    the object that it covers best. An image without objects has the scores alone.

    Queries with masks, and those that are told their classes in words, have none.
    """
    if teacher.has_masks or teacher.has_prompts:
        return {}
    outputs = Tap(teacher.path)
    return {
        'queries': TeacherContext(_queries, (Tap(teacher.path, 'keywords'),)),
        'quality': TeacherContext(
            partial(_quality, teacher), (outputs,), of_labels=True
        ),
    }


def why_no_answers(student: QueryHead, teacher: QueryHead) -> dict[str, str]:
    """Why a loss of maps cannot look at a teacher's queries, by name."""
    widths = [
        getattr(getattr(head.model, 'encoder', None), 'embed_dims', None)
        for head in (student, teacher)
    ]
    if None in widths or widths[0] == widths[1]:
        return {}
    reason = (
        f'the maps of the student have {widths[0]} channels and the queries of the '
        f'teacher {widths[1]}; take a loss that learns a layer between both, such as '
        'FitNetLoss, or a teacher as wide as the student'
    )
    return {'queries': reason}


def _queries(values: list[Any], step: Step) -> Tensor:
    queries: Tensor = values[0]['hidden_states']
    return queries


def _quality(teacher: QueryHead, values: list[Any], step: Step) -> Tensor:
    logits_LNQC, boxes_LNQ4 = values[0]
    scores_LNQ = _kept_scores(teacher, logits_LNQC.float())
    shares = [
        _best_overlaps(boxes_LQ4.float(), sample)
        for boxes_LQ4, sample in zip(
            boxes_LNQ4.unbind(1), step.data_samples, strict=True
        )
    ]
    return scores_LNQ * torch.stack(shares, dim=1)


def _kept_scores(teacher: QueryHead, logits_LNQC: Tensor) -> Tensor:
    """The scores of the detections that are kept, by query (L, N, Q).

    A head with a softmax gives each query one class, one with sigmoids any number.
    """
    kind, options = teacher.class_logits, teacher.module.test_cfg or {}
    if kind.background:
        probs_LNQC = logits_LNQC.softmax(3)[..., :-1].amax(3, keepdim=True)
    else:
        probs_LNQC = logits_LNQC.sigmoid()
    flat = probs_LNQC.flatten(2)
    number = options.get('max_per_img', logits_LNQC.shape[2])
    kept = flat.topk(min(number, flat.shape[2]), dim=2)
    scores = torch.zeros_like(flat).scatter(2, kept.indices, kept.values)
    return scores.unflatten(2, probs_LNQC.shape[2:]).sum(3)


def _best_overlaps(boxes_LQ4: Tensor, sample: Any) -> Tensor:
    """The IoU of each box (L, Q) with the object that it covers best."""
    objects_G4 = sample.gt_instances.bboxes
    if len(objects_G4) == 0:
        return torch.ones_like(boxes_LQ4[..., 0])
    height, width = sample.img_shape[:2]
    x, y, w, h = boxes_LQ4.flatten(0, 1).unbind(1)
    corners = [(x - w / 2) * width, (y - h / 2) * height]
    corners += [(x + w / 2) * width, (y + h / 2) * height]
    found = overlaps(torch.stack(corners, dim=1), objects_G4).amax(1)
    return found.unflatten(0, boxes_LQ4.shape[:2])
