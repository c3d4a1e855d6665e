"""VID beside what all losses with parameters share."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ckd_mm.functional import vid_loss
from ckd_mm.losses import VIDLoss


@pytest.mark.parametrize('variance', [1e-8, 0.5, 5.0, 1000.0])
def test_all_variances_start_at_the_given_one(variance: float) -> None:
    loss: Any = VIDLoss(2, 3, initial_variance=variance)
    wanted = torch.full((3,), variance + 1e-5)
    torch.testing.assert_close(loss.gaussians[0].variance, wanted, rtol=1e-4, atol=1e-7)


def test_the_best_variance_is_the_squared_error() -> None:
    student, teacher = torch.randn(2, 4, 3, 5, 5).double()
    errors = (student - teacher).square().mean(dim=(0, 2, 3)).requires_grad_()
    vid_loss(student, teacher, errors).backward()
    assert errors.grad is not None
    assert errors.grad.abs().max() < 1e-12


def test_levels_are_summed_and_the_larger_map_is_pooled() -> None:
    loss = VIDLoss([2, 4], [3, 5], loss_weight=0.5)
    student = [torch.randn(2, 2, 6, 4), torch.randn(2, 4, 3, 2)]
    teacher = [torch.randn(2, 3, 3, 2), torch.randn(2, 5, 6, 4)]
    pooled = [torch.nn.functional.avg_pool2d(x, 2) for x in (student[0], teacher[1])]
    value = loss(student, teacher)
    assert value == loss([pooled[0], student[1]], [teacher[0], pooled[1]])
    first = VIDLoss(2, 3)
    first.gaussians[0].load_state_dict(loss.gaussians[0].state_dict())
    second = VIDLoss(4, 5)
    second.gaussians[0].load_state_dict(loss.gaussians[1].state_dict())
    each = first(pooled[0], teacher[0]) + second(student[1], pooled[1])
    torch.testing.assert_close(value, 0.5 * each)


def test_variances_of_another_width_are_named() -> None:
    maps = torch.zeros(2, 3, 4, 4)
    with pytest.raises(ValueError) as error:
        vid_loss(maps, maps, torch.ones(2))
    assert str(error.value) == (
        'variance must have one number per channel of the maps (2, 3, 4, 4), got (2,)'
    )
