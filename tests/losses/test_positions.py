"""Losses of all pairs of positions refuse maps with too many of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ckd_mm.registry import LOSSES, build

SMALL, MOST, LARGER = (1, 2, 7, 7), (1, 2, 64, 64), (1, 2, 64, 65)
NAMES = ('ScaleKDLoss', 'TaTLoss')


def loss_of(name: str) -> Any:
    config = dict(type=name, student_channels=2, teacher_channels=2)
    return build(LOSSES, config)


@pytest.mark.parametrize('name', NAMES)
def test_more_than_4096_positions_are_refused(name: str) -> None:
    loss = loss_of(name)
    with pytest.raises(ValueError) as error:
        loss(torch.zeros(LARGER), torch.zeros(LARGER))
    assert str(error.value) == (
        f'{name} compares all pairs of positions, of maps of at most 4096 positions, '
        "got maps of 64 x 65; compare a coarser layer, such as on='module:backbone."
        "layer4'"
    )


@pytest.mark.parametrize('name', NAMES)
def test_4096_positions_are_compared(name: str) -> None:
    with FakeTensorMode():
        loss = loss_of(name)
        assert loss(torch.zeros(MOST), torch.zeros(MOST)).shape == ()


@pytest.mark.parametrize('both', [(SMALL, LARGER), (LARGER, SMALL)], ids=str)
def test_either_map_of_scalekd_may_be_the_large_one(both: Any) -> None:
    student, teacher = map(torch.zeros, both)
    with pytest.raises(ValueError, match='got maps of 64 x 65'):
        loss_of('ScaleKDLoss')(student, teacher)


def test_stages_through_the_teacher_have_the_same_limit() -> None:
    two = dict(student_channels=[2, 2], teacher_channels=[2, 2], through_teacher=True)
    loss: Any = build(LOSSES, dict(type='ScaleKDLoss', **two))
    maps = [torch.zeros(LARGER), torch.zeros(SMALL)]
    with pytest.raises(ValueError, match='got maps of 64 x 65'):
        loss(maps, maps, last_stage=lambda maps: maps)
