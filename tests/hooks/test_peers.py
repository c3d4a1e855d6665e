"""Models that are trained along: real runs against loops by hand, in all weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor, nn

from ckd_mm.functional import bdkd_loss, mcl_loss, sp_loss
from ckd_mm.registry import LOSSES

from .by_hand import FillLosses, filled, started
from .peers_by_hand import KeepPeers, Values, peer_of, train_together

KL = dict(type='KDLoss', temperature=1.0)


class Closer(nn.Module):
    """Half the mean square of the difference, which both learn."""

    takes: ClassVar[str] = 'rows'
    trains_teacher: ClassVar[bool] = True

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        return (student - teacher).square().mean() / 2


@pytest.fixture(autouse=True)
def closer() -> Iterator[None]:
    LOSSES.register_module(module=Closer)
    yield
    LOSSES.module_dict.pop('Closer')


def term(on: str = 'logits', loss: dict[str, Any] = KL, **roles: Any) -> dict[str, Any]:
    return dict(on=on, loss=loss, **roles)


def kl(learner: Tensor, teacher: Tensor) -> Tensor:
    target = teacher.detach().softmax(dim=1)
    return F.kl_div(learner.log_softmax(dim=1), target, reduction='batchmean')


def dml(values: Values, labels: Tensor) -> dict[str, Tensor]:
    logits = {name: one['logits'] for name, one in values.items()}
    return {
        name: torch.stack(
            [kl(one, logits[other]) for other in logits if other != name]
        ).mean()
        for name, one in logits.items()
    }


def bdkd_online(values: Values, labels: Tensor) -> dict[str, Tensor]:
    student, peer = values['student']['logits'], values['peer0']['logits']
    return dict(
        student=bdkd_loss(student, peer, temperature=2.0),
        peer0=0.5 * kl(peer, student),
    )


def feedback(values: Values, labels: Tensor) -> dict[str, Tensor]:
    """A frozen teacher would have no second entry."""
    student, peer = values['student'], values['peer0']
    return dict(
        student=16 * kl(student['logits'] / 4, peer['logits'] / 4),
        peer0=3 * sp_loss(peer['embedding'], student['embedding']),
    )


def both(values: Values, labels: Tensor) -> dict[str, Tensor]:
    one, other = values['student']['embedding'], values['peer0']['embedding']
    loss = (one - other).square().mean() / 2
    return dict(student=loss, peer0=loss)


def mcl(values: Values, labels: Tensor, mcl: nn.ModuleDict) -> dict[str, Tensor]:
    """Both learn one loss, and so do the layers that project their embeddings."""
    student = mcl['project_student'](values['student']['embedding'])
    peer = mcl['project_teacher'](values['peer0']['embedding'])
    loss = 0.5 * mcl_loss(student, peer, labels)
    return dict(student=loss, peer0=loss, mcl=loss)


def projections() -> nn.ModuleDict:
    return nn.ModuleDict(
        {
            name: nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 16))
            for name in ('project_student', 'project_teacher')
        }
    )


def one_way(values: Values, labels: Tensor) -> dict[str, Tensor]:
    """By a loss that does not detach the teacher itself."""
    one, other = values['student']['embedding'], values['peer0']['embedding']
    return dict(student=(one - other.detach()).square().mean() / 2)


def between_peers(values: Values, labels: Tensor) -> dict[str, Tensor]:
    one, other = values['first']['embedding'], values['peer1']['embedding']
    closer = (one - other).square().mean() / 2
    student = values['student']['logits']
    mean = (values['first']['logits'] + values['peer1']['logits']) / 2
    return dict(student=kl(student, mean), first=closer, peer1=closer)


MCL = dict(type='MCLLoss', embedding_channels=16, loss_weight=0.5)
HALF = dict(KL, loss_weight=0.5)
SP = dict(type='SPLoss', loss_weight=3.0)
MODES: dict[str, tuple[list[str], dict[str, Any], Callable[..., Mapping]]] = {
    'dml': (
        ['peer0'],
        dict(to_student=term(teacher='peer0'), to_peer=term(learner='peer0')),
        dml,
    ),
    'dml of three': (
        ['peer0', 'peer1'],
        {
            f'{learner}-{teacher}': term(loss=HALF, learner=learner, teacher=teacher)
            for learner in ('student', 'peer0', 'peer1')
            for teacher in ('student', 'peer0', 'peer1')
            if learner != teacher
        },
        dml,
    ),
    'bdkd': (
        ['peer0'],
        dict(
            to_student=term(loss=dict(type='BDKDLoss', temperature=2.0)),
            to_peer=term(loss=HALF, learner='peer0', teacher='student'),
        ),
        bdkd_online,
    ),
    'feedback': (
        ['peer0'],
        dict(
            to_student=term(loss=dict(type='KDLoss', temperature=4.0)),
            to_peer=term(on='embedding', loss=SP, learner='peer0'),
        ),
        feedback,
    ),
    'both': (
        ['peer0'],
        dict(
            mutual=term(
                'embedding', dict(type='Closer'), learner='both', teacher='peer0'
            )
        ),
        both,
    ),
    'mcl': (
        ['peer0'],
        dict(mcl=term('embedding', MCL, learner='both', teacher='peer0')),
        mcl,
    ),
    'one way': (
        ['peer0'],
        dict(closer=term('embedding', dict(type='Closer'), teacher='peer0')),
        one_way,
    ),
    'between peers': (
        ['first', 'peer1'],
        dict(
            peers=term('embedding', dict(type='Closer'), learner=['first', 'peer1']),
            to_student=term(teacher=['first', 'peer1']),
        ),
        between_peers,
    ),
}


@pytest.mark.parametrize('mode', MODES)
def test_a_run_equals_the_loop_by_hand(
    mode: str,
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    names, distill, terms_of = MODES[mode]
    cfg = started(classifier_config(tmp_path / 'run'), tmp_path)
    # A large step lets a unit that rounding has switched change all that follows.
    cfg.optim_wrapper.optimizer.lr = 0.02
    peers = {}
    for number, name in enumerate(names):
        other = classifier_config(tmp_path / name)
        statistics = dict(mean=[20.0 + number] * 3, std=[60.0] * 3)
        other.model.data_preprocessor = dict(other.data_preprocessor, **statistics)
        peers[name] = peer_of(other, tmp_path / name, 5 + number)
    listed = [dict(peers[name], name=name) for name in names]
    if names == ['peer0']:
        listed[0].pop('name')
    beside = {'mcl': filled(projections())} if mode == 'mcl' else {}
    hook = dict(type='DistillationHook', peers=listed, distill=deepcopy(distill))
    fill = dict(type=FillLosses, terms=[*beside])
    cfg.custom_hooks = [hook, dict(type=KeepPeers), fill]
    by_hand = train_together(cfg, peers, partial(terms_of, **beside), beside)
    runner = run(cfg)
    (keep,) = (one for one in runner.hooks if isinstance(one, KeepPeers))
    assert_same(runner.model.state_dict(), by_hand['student'])
    for name in (*names, *beside):
        saved = keep.saved['ckd_mm']
        state = {
            key.removeprefix(f'{name}.'): value
            for key, value in saved.items()
            if key.startswith(f'{name}.')
        }
        assert_same(state, by_hand[name])


def assert_same(state: Mapping[str, Tensor], model: nn.Module) -> None:
    expected = model.state_dict()
    assert {*state} == {*expected}
    for name, value in expected.items():
        torch.testing.assert_close(state[name], value, rtol=1e-3, atol=2e-5, msg=name)
