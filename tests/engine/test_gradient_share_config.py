"""When a share is measured, and what of a config is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmdet.models import ResNet
from torch import Tensor

from ckd_mm.engine.controllers import Controller, Controllers, Gradients
from ckd_mm.engine.gradient_share import GradientShare
from ckd_mm.engine.schedules import build_schedule

from .shares import PER_EPOCH, Toy, share_of, train


def test_the_first_iterations_are_measured_at_distances_that_double() -> None:
    schedule = share_of(interval=10)
    found = [i for i in range(35) if schedule.is_measured(i, PER_EPOCH)]
    assert found == [0, 1, 2, 4, 8, 10, 20, 30]


def test_only_iterations_in_which_the_term_can_act_are_measured() -> None:
    schedule = share_of(interval=4, begin=2, every=3)
    found = [i for i in range(50) if schedule.is_measured(i, PER_EPOCH)]
    assert found == [9, 12, 15, 21, 33, 45]


@pytest.mark.parametrize(
    ('config', 'error'),
    [
        (dict(share=0), 'share must be a number > 0 and < 1, got 0'),
        (dict(share=1), 'share must be a number > 0 and < 1, got 1'),
        (dict(share='0.1'), "share must be a number > 0 and < 1, got '0.1'"),
        (dict(tolerance=-0.1), 'tolerance must be a number >= 0'),
        (dict(tolerance=0.2), 'tolerance .* leaves share=0.2 - tolerance above 0'),
        (dict(of=[]), 'of must be the name of a module .*, got \\[\\]'),
        (dict(of=3), 'of must be the name of a module'),
        (dict(update='step'), "update must be one of 'iteration', 'epoch'"),
        (dict(measure='all'), "measure must be one of 'term', 'module'"),
        (dict(interval=0), 'interval must be an integer >= 1'),
        (dict(momentum=1), 'momentum must be a number >= 0 and < 1'),
        (dict(begin=-1), 'begin must be a finite number >= 0'),
        (dict(shares=0.1), "no option 'shares'; did you mean 'share'"),
    ],
)
def test_what_makes_no_sense_is_refused(config: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        share_of(**config)


def test_options_that_are_left_out_are_named() -> None:
    with pytest.raises(ValueError, match="required keyword-only argument: 'of'"):
        build_schedule(dict(type='GradientShare', share=0.1))
    with pytest.raises(ValueError, match="unknown schedule 'GradientShares'; did you"):
        build_schedule(dict(type='GradientShares', share=0.1, of='backbone'))


@pytest.mark.parametrize(
    ('schedules', 'alone', 'error'),
    [
        (
            dict(kd=share_of(of='backbones')),
            False,
            "term 'kd': schedule: of='backbones' .*; did you mean 'backbone'",
        ),
        (dict(kd=share_of(of='empty')), False, 'no parameters that train'),
        (
            dict(kd=share_of(share=0.6), map=share_of(share=0.4)),
            False,
            "term 'kd': .* shares of 1 together .* 'backbone'",
        ),
        (dict(kd=share_of()), True, 'With student_loss_weight=0 no other loss'),
        (
            dict(kd=share_of(measure='module'), map=share_of(measure='module')),
            False,
            'would both follow one share',
        ),
        (
            dict(kd=share_of(of=['backbone', 'head', 'other_head'], measure='module')),
            False,
            'is all that trains in the student',
        ),
    ],
)
def test_what_does_not_fit_the_student_is_refused_before_training(
    toy: Toy, schedules: dict[str, GradientShare], alone: bool, error: str
) -> None:
    controllers: dict[str, Controller | None] = {
        name: one.controller() for name, one in schedules.items()
    }
    with pytest.raises(ValueError, match=error):
        Controllers(toy, controllers, alone)


def test_a_term_that_does_not_reach_the_modules_is_refused_in_the_first_step(
    toy: Toy, batches: list[Tensor]
) -> None:
    with pytest.raises(ValueError, match="term 'map': the loss has no gradient at of"):
        train(toy, batches, dict(map=share_of(of='head')))
    with pytest.raises(ValueError, match="term 'kd': the loss has no gradient at of"):
        train(toy, batches, dict(kd=share_of(of='other_head')))


def test_frozen_parameters_do_not_count(toy: Toy, batches: list[Tensor]) -> None:
    toy.backbone[0].requires_grad_(False)
    controller = share_of().controller()
    Controllers(toy, dict(kd=controller))
    assert len(controller._parameters_of) == 2
    toy.backbone.requires_grad_(False)
    with pytest.raises(ValueError, match='no parameters that train'):
        Controllers(toy, dict(kd=share_of().controller()))


@pytest.mark.usefixtures('one_rank')
def test_a_sharded_student_is_refused_before_training(toy: Toy) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    fully_shard(toy.backbone, mesh=init_device_mesh('cpu', (1,)))
    with pytest.raises(ValueError, match="term 'kd': .* the student is sharded"):
        Controllers(toy, dict(kd=share_of().controller()))


@pytest.mark.filterwarnings('ignore:torch.utils.checkpoint')
def test_reentrant_checkpointing_is_refused_in_the_first_step() -> None:
    backbone = ResNet(18, base_channels=8, stem_channels=8, with_cp=True)
    loss = backbone(torch.randn(1, 3, 64, 64, requires_grad=True))[-1].mean()
    parameters = [p for p in backbone.parameters() if p.requires_grad]
    with pytest.raises(ValueError, match='take with_cp=True out of the student'):
        Gradients(loss, lambda value: value).of(loss, parameters)
