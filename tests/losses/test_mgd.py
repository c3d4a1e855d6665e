"""MGD beside what all losses with parameters share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ckd_mm.functional import mgd_loss
from ckd_mm.losses import MGDLoss

ONES = torch.ones(3, 4, 20, 20)


def masked_input(loss: Any, maps: Tensor = ONES) -> list[Tensor]:
    """What the generators of all levels get in one step."""
    seen: list[Tensor] = []
    handles = [
        generator.generate.register_forward_pre_hook(
            lambda _, args: seen.append(args[0].detach())
        )
        for generator in loss.generators
    ]
    levels = [maps] * len(handles)
    loss(levels, levels)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize('ratio', [0.0, 0.2, 0.65])
def test_a_share_of_the_positions_is_masked_for_all_channels(ratio: float) -> None:
    (seen,) = masked_input(MGDLoss(4, 4, mask_ratio=ratio))
    assert set(seen.unique().tolist()) <= {0.0, 1.0}
    assert abs((seen == 0).double().mean() - ratio) < 0.05
    assert torch.equal(seen, seen[:, :1].expand_as(seen))
    if ratio > 0:
        assert not torch.equal(seen[0], seen[1])


def test_channels_are_masked_as_a_whole() -> None:
    loss = MGDLoss(64, 64, mask_ratio=0.3, masked='channels')
    (seen,) = masked_input(loss, torch.ones(3, 64, 2, 2))
    assert abs((seen == 0).double().mean() - 0.3) < 0.1
    assert torch.equal(seen, seen[:, :, :1, :1].expand_as(seen))


def test_masks_differ_between_steps_and_levels() -> None:
    loss = MGDLoss([4, 4], [4, 4])
    seen = masked_input(loss) + masked_input(loss)
    for first in range(4):
        for second in range(first):
            assert not torch.equal(seen[first], seen[second])


def test_the_students_random_numbers_are_left_alone() -> None:
    loss = MGDLoss(4, 4)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    loss(ONES, ONES)
    assert torch.equal(torch.rand(3), expected)


def test_a_resumed_loss_draws_the_masks_of_an_uninterrupted_one() -> None:
    uninterrupted, resumed = MGDLoss(4, 4), MGDLoss(4, 4)
    masked_input(uninterrupted)
    resumed.load_state_dict(uninterrupted.state_dict())
    first, second = masked_input(uninterrupted), masked_input(resumed)
    assert torch.equal(first[0], second[0])
    assert not torch.equal(first[0], masked_input(MGDLoss(4, 4))[0])


def test_widths_that_are_equal_need_no_convolution_before() -> None:
    loss: Any = MGDLoss([4, 2], [4, 4])
    same, wider = loss.generators
    assert isinstance(same.align, nn.Identity)
    assert isinstance(wider.align, nn.Conv2d)


def test_levels_are_summed() -> None:
    student = [torch.randn(2, 4, 6, 5), torch.randn(2, 4, 3, 2)]
    teacher = [torch.randn_like(level) for level in student]
    loss: Any = MGDLoss([4, 4], [4, 4], mask_ratio=0.0, loss_weight=0.5)
    both = zip(loss.generators, student, teacher, strict=True)
    each = [mgd_loss(generator.generate(s), t) for generator, s, t in both]
    torch.testing.assert_close(loss(student, teacher), 0.5 * (each[0] + each[1]))
