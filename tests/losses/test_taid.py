"""TAID: how the teacher's share of the target moves over training."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook
from ckd_mm.losses import TAIDLoss

VALUES = [2.0, 1.5, 1.8, 0.3, 0.2, 5.0, 0.1]
STEPS = 50
# TAID.update_t of gn64/TAID@63f2fbd in float64, at its own rates and at larger ones.
LINEAR = [0.4, 0.412, 0.424, 0.436, 0.448, 0.46, 0.472]
ADAPTIVE = [0.4, 0.463745124805, 0.516365252246, 0.574226057385, 0.624501563976]
ADAPTIVE += [0.624502117958, 0.624833593116]


def shares(loss: TAIDLoss, values: list[float]) -> list[float]:
    """The share after each step with a loss of this value."""
    found = []
    for step, value in enumerate(values):
        given = torch.tensor(value, dtype=torch.float64)
        with mock.patch('ckd_mm.losses.taid.taid_loss', return_value=given):
            loss(torch.zeros(3, 2), torch.zeros(3, 2), step / STEPS)
        found.append(loss.share.item())
    return found


@pytest.mark.parametrize(
    ('options', 'expected'),
    [({}, LINEAR), (dict(rate=0.2, momentum=0.5), ADAPTIVE)],
    ids=['authors', 'adaptive'],
)
def test_the_share_moves_as_in_the_authors_code(
    options: dict[str, float], expected: list[float]
) -> None:
    assert shares(TAIDLoss(**options), VALUES) == pytest.approx(expected, rel=1e-11)


def test_the_share_moves_by_the_papers_formula() -> None:
    share, mean, last = 0.2, 0.0, VALUES[0]
    for step, value in enumerate(VALUES[1:], 1):
        mean = 0.9 * mean + 0.1 * (last - value) / last
        moved = share + 0.3 * (1 - share) / (1 + math.exp(-mean))
        share, last = min(0.7, max(0.2 + 0.5 * step / STEPS, moved)), value
    loss = TAIDLoss(start=0.2, end=0.7, rate=0.3, momentum=0.9)
    assert shares(loss, VALUES)[-1] == pytest.approx(share, rel=1e-12)


def test_the_first_step_and_a_step_without_rows_leave_the_share() -> None:
    loss = TAIDLoss(rate=0.5)
    empty, rows = torch.zeros(0, 2), torch.randn(3, 2)
    for given in (empty, rows, empty):
        loss(given, given.roll(1, dims=0), 0.9)
        assert loss.share == 0.4
    loss(rows, rows.roll(1, dims=0), 0.9)
    assert loss.share >= 0.4 + 0.6 * 0.9


def test_a_resumed_run_goes_on_with_its_share() -> None:
    loss, resumed = TAIDLoss(rate=0.2), TAIDLoss(rate=0.2)
    shares(loss, VALUES[:4])
    resumed.load_state_dict(loss.state_dict())
    assert shares(resumed, VALUES[4:]) == shares(loss, VALUES[4:])


def test_a_start_behind_the_end_is_refused() -> None:
    with pytest.raises(ValueError, match='start must be a number from 0 to end=0.3'):
        TAIDLoss(start=0.4, end=0.3)


@pytest.mark.slow
def test_a_run_says_how_far_it_is(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    """At a rate of 0 the share is the share of the run: 9 of 10 in the last step."""
    loss = dict(type='TAIDLoss', start=0.0, rate=0.0)
    hook = dict(
        type='DistillationHook',
        teacher=classifier_teacher,
        distill=dict(taid=dict(on='logits', loss=loss)),
    )
    runner = Runner.from_cfg(classifier_config(tmp_path, epochs=2, custom_hooks=[hook]))
    runner.train()
    assert runner.iter == 10
    (found,) = (one for one in runner.hooks if isinstance(one, DistillationHook))
    taid: Any = found.terms[0].loss
    assert taid.share.item() == pytest.approx(0.9)
