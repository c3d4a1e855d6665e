"""(a) the student's step, (b) the rest, (c) the step with the hook, (d) the authors.

(b) is the teacher's forward, and the passes through its head that a term names.

(d) follows a description of how CKD's authors do it: the student's step, then the
teacher's features and RoI head on the student's RoIs in full precision, then a second
pass of the student's RoI head, with gradient. The loss gets the logits of that pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import Term, build_terms
from ckd_mm.teachers import ModelTeacher, Speed

from .passes import named_pass
from .setting import CLASS_LOSS, NECK, ROIS, Batch, Sample, Setting, noted
from .timing import Case

__all__ = [
    'CONNECTED',
    'CROSSING',
    'TERMS',
    'cases_of',
    'distiller_of',
    'hooked',
    'student_case',
    'term_of',
]

TERMS = ('CKD', 'KD', 'DKD', 'DIST', 'ReviewKD')
CROSSING, CONNECTED = 'CrossKD', 'CrossKD-connector'
"""Through the teacher's head, or its queries. The first needs maps of one width."""


def term_of(title: str, setting: Setting) -> dict[str, dict[str, Any]]:
    """The `distill` config of one term; ReviewKD's is on the neck."""
    if title in (CROSSING, CONNECTED):
        on, name = _crossed(setting.student)
        if title == CONNECTED:
            on['connector'] = True
        return {'crosskd': dict(on=on, loss=dict(type=name))}
    loss: dict[str, Any] = dict(type=f'{title}Loss')
    if title != 'ReviewKD':
        return {title.lower(): dict(on='roi_logits', loss=loss)}
    student, teacher = setting.neck_channels
    loss.update(student_channels=[student] * 5, teacher_channels=[teacher] * 5)
    loss.update(mid_channels=teacher)
    return {title.lower(): dict(on='neck', loss=loss)}


def _crossed(student: Any) -> tuple[dict[str, Any], str]:
    """The part for a kind of student, and its loss."""
    if hasattr(student, 'roi_head'):
        return dict(part='cross_roi_logits'), 'KDLoss'
    if hasattr(student, 'decoder'):
        return dict(part='shared_query_logits', activation='binary'), 'KDLoss'
    return dict(part='cross_logits'), 'QualityFocalKDLoss'


def cases_of(setting: Setting, title: str) -> dict[str, Case]:
    """The cases of a term; (d) only for RoI logits."""
    distiller = distiller_of(setting, term_of(title, setting))
    (term,) = distiller.terms
    cases = {
        'a': student_case(setting),
        'b': _beside(setting, title, term.on),
        'c': hooked(setting, distiller),
    }
    if term.on == 'roi_logits':
        cases['d'] = Case(lambda batch, _: authors_step(setting, batch, term))
    return cases


def student_case(setting: Setting) -> Case:
    """(a)"""
    return Case(lambda batch, _: setting.student.train_step(batch, setting.optimizer))


def distiller_of(
    setting: Setting,
    distill: Mapping[str, Any],
    speed: Speed | None = None,
    names: ClassNames | None = None,
) -> Distiller:
    """What the hook attaches; connectors join the optimiser, as with the hook."""
    terms = build_terms(dict(distill))
    teacher = ModelTeacher(setting.teacher, 1.0, speed or Speed(), names)
    distiller = Distiller(setting.student, [teacher], terms)
    for term in terms:
        if parameters := list(term.loss.parameters()):
            setting.optimizer.optimizer.add_param_group({'params': parameters})
    return distiller


def hooked(setting: Setting, distiller: Distiller) -> Case:
    """(c)"""
    return Case(student_case(setting).run, distiller.attached)


def _beside(setting: Setting, title: str, on: Any) -> Case:
    """(b), in the precision that the student's step gives it.

    The teacher's forward without gradient, and for terms through its head the pass that
    they name, forward and backward.
    """
    crosses = title in (CROSSING, CONNECTED)
    crossed = named_pass(setting, title == CONNECTED) if crosses else None

    def run(batch: Batch, sample: Sample) -> None:
        with setting.optimizer.optim_context(setting.student):
            _teacher(setting.teacher, sample, on)
            if crossed is not None:
                crossed(sample)

    return Case(run)


@torch.no_grad()
def _teacher(teacher: Any, sample: Sample, on: Any) -> None:
    """As much of the teacher's forward as a term needs."""
    if not hasattr(teacher, 'roi_head'):
        teacher(sample.inputs, sample.data_samples, mode='tensor')
        return
    features = teacher.extract_feat(sample.inputs)
    if on != 'neck':
        teacher.roi_head._bbox_forward(features, sample.rois)


def authors_step(setting: Setting, batch: Batch, term: Term) -> None:
    """(d)"""
    student, optimizer = setting.student, setting.optimizer
    with optimizer.optim_context(student):
        data = student.data_preprocessor(batch, True)
        with noted(student, NECK, ROIS, CLASS_LOSS) as recorder:
            losses = student(**data, mode='loss')
            (features,) = recorder.calls(NECK)
            _, rois = recorder.calls(ROIS)[0]
            _, labels, *_ = recorder.calls(CLASS_LOSS)[0]
        with torch.no_grad(), torch.autocast(setting.device.type, enabled=False):
            maps = setting.teacher.extract_feat(data['inputs'])
            teacher_RC = setting.teacher.roi_head._bbox_forward(maps, rois)['cls_score']
        student_RC = student.roi_head._bbox_forward(features, rois)['cls_score']
        context = {'target': labels} if 'target' in term.context else {}
        losses['loss_term'] = term.loss(student_RC, teacher_RC, **context)
    total, _ = student.parse_losses(losses)
    optimizer.update_params(total)
