"""A step with a peer against the student's step, the peer's, and the terms alone."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from mmengine.model import BaseModel

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import Peer, PeerKind

from .cases import hooked, student_case
from .setting import Batch, Sample, Setting
from .timing import Case, interleaved, ratios, spread

__all__ = ['peers']

TERMS: dict[str, tuple[Any, dict[str, Any]]] = {
    'neck': (dict(student='neck:0', teacher='neck:0'), dict(type='ATLoss')),
    'roi_logits': ('roi_logits', dict(type='KDLoss', temperature=1.0)),
    'logits': ('logits', dict(type='KDLoss', temperature=1.0)),
}


def peers(
    setting: Setting, titles: Sequence[str], rounds: int, warmup: int
) -> list[str]:
    """The teacher's network as a peer: (a), (b), the terms (t) and (c) of each `on`."""
    lines = [
        "The teacher's network is trained along. (a) the student's step, (b) the "
        "peer's, (t) forward and backward of the terms in both directions on their "
        "values, with the peer's head on the student's RoIs for `roi_logits`, (c) the "
        'step with the hook.',
        '',
        '| on | (a) | (b) | (t) | (c) | (c) / ((a) + (b) + (t)) |',
        '|---' * 6 + '|',
    ]
    peer = deepcopy(setting.teacher).requires_grad_(True).train()
    setting.optimizer.optimizer.add_param_group({'params': [*peer.parameters()]})
    for name in _names(setting.student):
        cases = _cases(setting, replace(setting, student=peer), name)
        found = interleaved(cases, setting.samples, rounds, warmup)
        cells = [spread(found[case]) for case in 'abtc']
        ratio = ratios(found['c'], found['a'], found['b'], found['t'])
        lines.append(f'| `{name}` | {" | ".join(cells)} | {spread(ratio)} |')
    return lines


def _names(student: BaseModel) -> list[str]:
    """The terms that this kind of student has."""
    if hasattr(student, 'head'):
        return ['logits']
    return ['neck', 'roi_logits'] if hasattr(student, 'roi_head') else ['neck']


def _cases(setting: Setting, of_peer: Setting, name: str) -> dict[str, Case]:
    on, loss = TERMS[name]
    terms = build_terms(
        dict(one=dict(on=on, loss=loss), two=dict(on=on, loss=loss, learner='peer0')),
        0,
        ['peer0'],
    )
    peer = Peer(PeerKind('peer0', config={}), of_peer.student)
    distiller = Distiller(setting.student, [peer], terms)
    values = _values(distiller, setting)

    def run_terms(batch: Batch, sample: Sample) -> None:
        numbers = values[id(sample)]
        with setting.optimizer.optim_context(setting.student):
            if name == 'roi_logits':
                heads = of_peer.student.roi_head
                numbers['peer'] = heads._bbox_forward(numbers['maps'], sample.rois)[
                    'cls_score'
                ]
            student, of_other = numbers['student'], numbers['peer']
            total = terms[0].loss(student, of_other.detach())
            total = total + terms[1].loss(of_other, student.detach())
        total.backward()

    return {
        'a': student_case(setting),
        'b': student_case(of_peer),
        't': Case(run_terms),
        'c': hooked(setting, distiller),
    }


def _values(distiller: Distiller, setting: Setting) -> dict[int, dict[str, Any]]:
    """What the terms compare of each sample, and the maps for the peer's head."""
    found = {}
    (peer,) = distiller.maker.peers
    for sample in setting.samples:
        with torch.no_grad():
            pair = distiller.pairs(deepcopy(sample.batch))['one']
            maps = peer.model.extract_feat(sample.inputs)
        found[id(sample)] = dict(
            student=_leaf(pair.student),
            peer=_leaf(pair.teacher),
            maps=_leaf(maps),
        )
    return found


def _leaf(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().requires_grad_()
    return tuple(one.detach().requires_grad_() for one in value)
