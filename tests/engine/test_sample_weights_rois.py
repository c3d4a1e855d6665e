"""RoIs that count by IoU or class, against a loop by hand over a detector's RoIs."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters import Recorder
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.probing.steps import first_iteration
from ckd_mm.teachers import ModelTeacher

from ..adapters.detectors import faster_rcnn
from ..adapters.roi_steps import HEAD, ROIS, STEPS, batch, stepped, without_chance

MINIMUM, POWER = 0.1, 2.0
OF_CLASSES, BACKGROUND = [1 + one / 4 for one in range(10)], 0.5
ASSIGNED = 0.2  # IoU


def detector(seed: int) -> BaseModel:
    """Many of its proposals have an object."""
    model = without_chance(faster_rcnn(seed=seed))
    assigner = model.roi_head.bbox_assigner
    assigner.pos_iou_thr = assigner.neg_iou_thr = assigner.min_pos_iou = ASSIGNED
    return model


def iou(one: list[float], two: list[float]) -> float:
    left, top = max(one[0], two[0]), max(one[1], two[1])
    right, bottom = min(one[2], two[2]), min(one[3], two[3])
    both = max(right - left, 0.0) * max(bottom - top, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, two)]
    return both / (sum(areas) - both)


def by_iou(largest: float, label: int) -> float:
    return max(largest, MINIMUM) ** POWER


def by_class(largest: float, label: int) -> float:
    return OF_CLASSES[label] if largest >= ASSIGNED else BACKGROUND


Weigh = Callable[[float, int], float]
WEIGHERS: dict[str, tuple[dict[str, Any], Weigh]] = {
    'iou': (dict(type='IoUWeight', power=POWER, minimum=MINIMUM), by_iou),
    'class': (
        dict(type='ClassWeight', weights=OF_CLASSES, background=BACKGROUND),
        by_class,
    ),
}


def by_hand(
    student: BaseModel, teacher: BaseModel, weigh: Weigh, normalize: bool
) -> Tensor:
    """The step's loss: of the student, and KD of one RoI after the other."""
    recorder = Recorder(student, [ROIS, HEAD])
    recorder.attach()
    recorder.open()
    data = student.data_preprocessor(batch(), True)
    objects = [
        [*zip(one.bboxes.tolist(), one.labels.tolist(), strict=True)]
        for one in (sample.gt_instances for sample in data['data_samples'])
    ]
    with first_iteration():
        own, _ = student.parse_losses(student(**data, mode='loss'))
    (_, rois), (logits, _) = recorder.calls(ROIS)[0], recorder.calls(HEAD)[0]
    recorder.detach()
    with torch.no_grad():
        maps = teacher.extract_feat(data['inputs'])
        wanted = teacher.roi_head._bbox_forward(maps, rois)['cls_score'].softmax(dim=1)
    rows, weights = [], []
    for roi, row, target in zip(rois.tolist(), logits, wanted, strict=True):
        found = [(iou(roi[1:], box), label) for box, label in objects[int(roi[0])]]
        weights.append(weigh(*max(found)))
        rows.append((target * (target.log() - row.log_softmax(0))).sum())
    assert min(weights) in (MINIMUM**POWER, BACKGROUND) and max(weights) > 0.25
    assert len({*weights}) > 2
    mean = sum(weights) / len(weights) if normalize else 1.0
    pairs = zip(weights, rows, strict=True)
    return own + sum(weight / mean * row for weight, row in pairs) / len(rows)


@pytest.mark.parametrize('normalize', [False, True])
@pytest.mark.parametrize('kind', WEIGHERS)
def test_after_some_steps_weights_are_those_of_a_loop_over_rois(
    kind: str, normalize: bool
) -> None:
    options, weigh = WEIGHERS[kind]
    student, teacher = detector(0), detector(1).eval().requires_grad_(False)
    torch.nn.init.normal_(teacher.roi_head.bbox_head.fc_cls.weight)
    expected, unweighed = deepcopy(student), deepcopy(student)
    weigher = dict(options, normalize=normalize)
    kd = dict(on='roi_logits', loss=dict(type='KDLoss', temperature=1.0))
    for model, term in ((student, kd | dict(sample_weight=weigher)), (unweighed, kd)):
        distiller = Distiller(
            model, [ModelTeacher(teacher)], build_terms(dict(kd=term))
        )
        with distiller.attached():
            for _ in range(STEPS):
                data = model.data_preprocessor(batch(), True)
                with first_iteration():
                    total, _ = model.parse_losses(model(**data, mode='loss'))
                stepped([model], total)
    for _ in range(STEPS):
        stepped([expected], by_hand(expected, teacher, weigh, normalize))
    wanted, without = expected.state_dict(), unweighed.state_dict()
    for name, value in student.state_dict().items():
        torch.testing.assert_close(value, wanted[name], rtol=1e-3, atol=1e-5, msg=name)
    name = 'roi_head.bbox_head.fc_cls.weight'
    far, near = (
        (student.state_dict()[name] - one[name]).abs().max()
        for one in (without, wanted)
    )
    assert far > 100 * near
