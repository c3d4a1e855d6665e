"""A step of a student that learns without another model, against step and terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import Teacher
from ckd_mm.teachers.itself import Itself
from ckd_mm.teachers.memory import OutputMemory
from ckd_mm.teachers.remembered import RememberedTeacher

from .cases import hooked, student_case
from .setting import Batch, Sample, Setting
from .timing import Case, interleaved, ratios, spread

__all__ = ['alone']

LAYERS = dict(student='backbone.layer2', teacher='backbone.layer4')
LEVELS = dict(student='neck:0', teacher='neck:2')


def alone(
    setting: Setting, titles: Sequence[str], rounds: int, warmup: int
) -> list[str]:
    """Each way without another model that this kind of student has."""
    lines = [
        "(a) the student's step, (t) forward and backward of the term on its values, "
        '(c) the step with the hook.',
        '',
        '| the student learns from | (a) | (t) | (c) | (c) / ((a) + (t)) |',
        '|---' * 5 + '|',
    ]
    for title, (teachers, term) in _ways(setting).items():
        distiller = Distiller(setting.student, teachers, build_terms(dict(one=term)))
        if parameters := [*distiller.terms[0].loss.parameters()]:
            setting.optimizer.optimizer.add_param_group({'params': parameters})
        cases = {
            'a': student_case(setting),
            't': Case(_term_alone(setting, distiller)),
            'c': hooked(setting, distiller),
        }
        found = interleaved(cases, setting.samples, rounds, warmup)
        cells = [spread(found[case]) for case in 'atc']
        ratio = ratios(found['c'], found['a'], found['t'])
        lines.append(f'| {title} | {" | ".join(cells)} | {spread(ratio)} |')
    return lines


def _ways(setting: Setting) -> dict[str, tuple[list[Teacher], dict[str, Any]]]:
    """Teachers and term of each way."""
    sp, student = dict(type='SPLoss'), setting.student
    if not hasattr(student, 'head'):
        return {'a deeper level of its neck': ([Itself()], dict(on=LEVELS, loss=sp))}
    classes = student.head.num_classes
    number = sum(len(one.data_samples) for one in setting.samples)
    memory = RememberedTeacher(OutputMemory(number, classes))
    uskd = dict(type='USKDLoss', student_channels=[classes, 256])
    on = ['logits', 'module:backbone.layer3']
    return {
        'a deeper layer': ([Itself()], dict(on=LAYERS, loss=sp)),
        'soft labels of its own (USKD)': ([], dict(on=on, loss=uskd)),
        'its logits of the epoch before': (
            [memory],
            dict(on='logits', loss=dict(type='KDLoss', temperature=1.0)),
        ),
    }


def _term_alone(setting: Setting, distiller: Distiller) -> Any:
    """Runs (t) on the values of each sample."""
    (term,) = distiller.terms
    values: dict[int, Mapping[str, Any]] = {}
    for sample in setting.samples:
        with torch.no_grad():
            pair = distiller.pairs(deepcopy(sample.batch))['one']
        values[id(sample)] = pair.arguments()

    def run(batch: Batch, sample: Sample) -> None:
        given = dict(values[id(sample)])
        given['student'] = _leaves(given['student'])
        with setting.optimizer.optim_context(setting.student):
            total = term.loss(**given)
        total.backward()

    return run


def _leaves(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_()
    return type(value)(_leaves(one) for one in value)
