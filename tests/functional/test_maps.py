"""Facts about AT, NST, HCL, CWD and PKD that follow from their formulas by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional import at_loss, cwd_loss, hcl_loss, nst_loss, pkd_loss

LOSSES = [at_loss, cwd_loss, hcl_loss, nst_loss, pkd_loss]
Loss = Callable[..., Tensor]


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize('loss', LOSSES)
def test_a_perfect_copy_gives_zero(loss: Loss) -> None:
    maps = draw(2, 3, 6, 5)
    assert loss(maps, maps).abs() < 1e-12


@pytest.mark.parametrize('loss', [at_loss, nst_loss, pkd_loss])
def test_a_dead_channel_gives_a_finite_moderate_gradient(loss: Loss) -> None:
    student = draw(2, 3, 6, 5)
    student[:, 1] = 0.0
    student.requires_grad_()
    value = loss(student, draw(2, 3, 6, 5, seed=1))
    value.backward()
    assert value.isfinite()
    assert student.grad is not None
    assert not student.grad[:, 1].any()
    assert student.grad.isfinite().all()
    assert student.grad.abs().max() < 1


@pytest.mark.parametrize('larger', ['student', 'teacher', 'one axis each'])
def test_at_pools_to_the_smaller_size_of_each_axis(larger: str) -> None:
    sizes = {
        'student': ((6, 4), (3, 2)),
        'teacher': ((3, 2), (6, 4)),
        'one axis each': ((6, 2), (3, 4)),
    }[larger]
    student, teacher = draw(2, 3, *sizes[0]), draw(2, 5, *sizes[1], seed=1)
    pooled = [F.adaptive_avg_pool2d(maps, (3, 2)) for maps in (student, teacher)]
    torch.testing.assert_close(at_loss(student, teacher), at_loss(*pooled))


def test_nst_compares_sets_of_channels_of_any_number() -> None:
    maps = draw(2, 3, 6, 5)
    assert nst_loss(maps, torch.cat([maps, maps.flip(1)], dim=1)).abs() < 1e-12
    assert nst_loss(maps, draw(2, 7, 6, 5, seed=1)) > 0


@pytest.mark.parametrize('height', [1, 2, 3, 4, 5])
def test_hcl_pools_only_to_sizes_below_the_height(height: int) -> None:
    student, teacher = draw(2, 3, height, 7), draw(2, 3, height, 7, seed=1)
    errors = [F.mse_loss(student, teacher)]
    for size in (size for size in (4, 2, 1) if size < height):
        pooled = F.adaptive_avg_pool2d(torch.cat([student, teacher]), size)
        errors.append(F.mse_loss(pooled[:2], pooled[2:]))
    weights = torch.tensor([1, 1 / 2, 1 / 4, 1 / 8][: len(errors)]).double()
    expected = (weights * torch.stack(errors)).sum() / weights.sum()
    torch.testing.assert_close(hcl_loss(student, teacher), expected)


def test_hcl_weights_halve_with_each_size() -> None:
    """A map with a mean of zero in each quarter is left in the first two errors."""
    tile = torch.tensor([[1.0, -1.0], [1.0, -1.0]]).repeat_interleave(2, 1)
    maps = tile.repeat_interleave(2, 0).repeat(2, 2)[None, None]
    assert maps.shape == (1, 1, 8, 8)
    expected = (1 + 1 / 2) / (1 + 1 / 2 + 1 / 4 + 1 / 8)
    assert hcl_loss(maps, torch.zeros_like(maps)) == pytest.approx(expected)


def test_pkd_is_one_minus_the_correlation() -> None:
    student, teacher = draw(2, 1, 6, 5), draw(2, 1, 6, 5, seed=1)
    correlation = torch.corrcoef(torch.stack([student.flatten(), teacher.flatten()]))
    expected = (1 - correlation[0, 1]) * 59 / 60  # the deviation is unbiased
    torch.testing.assert_close(
        pkd_loss(student, teacher), expected, rtol=1e-5, atol=0.0
    )
    torch.testing.assert_close(
        pkd_loss(100 * student + 5, teacher), expected, rtol=1e-5, atol=0.0
    )
