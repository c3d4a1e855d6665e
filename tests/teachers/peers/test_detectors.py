"""Detectors that learn together: RoIs of the student, anchors of who learns."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters import Recorder, Tap
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.losses import PKDLoss
from ckd_mm.probing.steps import first_iteration
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import Peer, PeerKind

from ...adapters.detectors import faster_rcnn, mask_rcnn, one_stage
from ...adapters.roi_steps import HEAD, ROIS, STEPS, batch, stepped, without_chance

NECK = Tap('neck')
KD = dict(type='KDLoss', temperature=1.0)


def beside(student: BaseModel, peer: BaseModel, **terms: Any) -> Distiller:
    one = Peer(PeerKind('peer0', config={}), peer)
    return Distiller(student, [one], build_terms(terms, 0, ['peer0']))


def losses_of(distiller: Distiller, student: BaseModel) -> dict[str, Any]:
    data = student.data_preprocessor(batch(), True)
    with distiller.attached(), first_iteration():
        return student(**data, mode='loss')


def gradients(model: BaseModel) -> dict[str, Tensor]:
    return {
        name: one.grad for name, one in model.named_parameters() if one.grad is not None
    }


def kl(learner: Tensor, teacher: Tensor) -> Tensor:
    target = teacher.detach().softmax(dim=1)
    return F.kl_div(learner.log_softmax(dim=1), target, reduction='batchmean')


def noted(model: BaseModel) -> Recorder:
    recorder = Recorder(model, [ROIS, HEAD, NECK])
    recorder.attach()
    recorder.open()
    return recorder


def by_hand(student: BaseModel, peer: BaseModel) -> tuple[Tensor, dict[str, Tensor]]:
    """What a step minimises, and the terms in it."""
    models = (student, peer)
    notes = [noted(model) for model in models]
    data = student.data_preprocessor(batch(), True)
    with first_iteration():
        own = [model.parse_losses(model(**data, mode='loss'))[0] for model in models]
    (_, rois), (maps,) = notes[0].calls(ROIS)[0], notes[1].calls(NECK)
    (logits, _), (wanted,) = notes[0].calls(HEAD)[0], notes[0].calls(NECK)
    for one in notes:
        one.detach()
    of_peer = peer.roi_head._bbox_forward(maps, rois)['cls_score']
    terms = {
        'loss_to_student': kl(logits, of_peer),
        'loss_to_peer': kl(of_peer, logits),
        'loss_maps': PKDLoss()(maps, wanted),
    }
    return sum(own) + sum(terms.values()), terms


def test_both_learn_from_each_other_on_the_rois_of_the_student() -> None:
    """Weights of both after some steps, as in a loop by hand."""
    models = [without_chance(faster_rcnn(seed=seed)) for seed in (0, 1)]
    torch.nn.init.normal_(models[1].roi_head.bbox_head.fc_cls.weight)
    expected, (student, peer) = deepcopy(models), models
    calls: list[Any] = []
    student.roi_head.bbox_head.register_forward_hook(lambda *_: calls.append(1))
    distiller = beside(
        student,
        peer,
        to_student=dict(on='roi_logits', loss=KD),
        to_peer=dict(on='roi_logits', loss=KD, learner='peer0'),
        maps=dict(on='neck', loss=dict(type='PKDLoss'), learner='peer0'),
    )
    for _ in range(STEPS):
        found = losses_of(distiller, student)
        total, terms = by_hand(*expected)
        for name, value in terms.items():
            torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6)
        stepped(models, student.parse_losses(found)[0])
        stepped(expected, total)
    assert calls == [1] * STEPS
    for model, wanted in zip(models, expected, strict=True):
        weights = wanted.state_dict()
        for name, value in model.state_dict().items():
            expect = weights[name]
            torch.testing.assert_close(value, expect, rtol=1e-3, atol=1e-5, msg=name)


class MimicRows(nn.Module):
    """The mean square of the difference of rows of any meaning."""

    takes: ClassVar[str] = 'sigmoid'

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        return (student - teacher).square().mean()


@pytest.fixture(autouse=True)
def mimic_rows() -> Iterator[None]:
    LOSSES.register_module(module=MimicRows)
    yield
    LOSSES.module_dict.pop('MimicRows')


@pytest.mark.parametrize('kind', ['GFL', 'FCOS', 'rpn_logits', 'mask_logits'])
def test_nobody_but_who_learns_gets_a_gradient(kind: str) -> None:
    """Anchors and points are those of who learns, masks those of the student's RoIs."""
    student, peer = (detector(kind, seed).train() for seed in (0, 1))
    part = kind if kind.endswith('logits') else 'dense_logits'
    on = dict(part=part, activation='binary') if part == 'dense_logits' else part
    loss = KD if part != 'mask_logits' else dict(type='MimicRows')
    terms = {
        'peer': dict(on=on, loss=loss),
        'student': dict(on=on, loss=loss, learner='peer0'),
    }
    for teaches, term in terms.items():
        found = losses_of(beside(student, peer, x=term), student)
        model, other = (student, peer) if teaches == 'student' else (peer, student)
        found['loss_x'].backward()
        assert not gradients(model)
        assert any(one.abs().sum() > 0 for one in gradients(other).values())
        other.zero_grad()


def detector(kind: str, seed: int) -> BaseModel:
    if kind == 'rpn_logits':
        return faster_rcnn(seed)
    return mask_rcnn(seed) if kind == 'mask_logits' else one_stage(kind, seed=seed)


def test_what_would_run_who_learns_twice_is_refused() -> None:
    student, peer = (faster_rcnn(seed=seed) for seed in (0, 1))
    for on in (dict(part='roi_logits', rois='proposals'), 'cross_roi_logits'):
        for roles in (dict(), dict(learner='peer0')):
            with pytest.raises(ValueError, match='runs modules of who learns once mor'):
                beside(student, peer, x=dict(on=on, loss=KD, **roles))


def test_a_weigher_does_not_read_the_embedding_of_who_teaches() -> None:
    """The peer learns on the student's RoIs, where the student's embedding is noted."""
    student, peer = (without_chance(faster_rcnn(seed=seed)) for seed in (0, 1))
    weigher = dict(type='IPWDWeight', in_channels=32, num_classes=11)
    term = dict(on='roi_logits', loss=KD, sample_weight=weigher)
    beside(student, peer, x=term)
    with pytest.raises(ValueError, match="reads 'student_embedding'.*leave the weig"):
        beside(student, peer, x=dict(term, learner='peer0'))
