"""Functions with a backward pass of their own: their first and second derivatives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import at_loss, cwd_loss, hcl_loss, nst_loss, pkd_loss
from ckd_mm.functional._squares import squares

Loss = Callable[..., Tensor]


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize('has_weights', [False, True])
@pytest.mark.parametrize('has_shift', [False, True])
def test_squares_are_the_sums_of_the_formula(
    has_weights: bool, has_shift: bool
) -> None:
    student, teacher = draw(2, 3, 4, 5), draw(2, 3, 4, 5, seed=1)
    weights = draw(2, 20, seed=2) if has_weights else None
    shift = draw(2, 3, seed=3) if has_shift else None
    gap = student - teacher
    gap = gap if shift is None else gap + shift[:, :, None, None]
    expected = gap.square().flatten(2)
    expected = expected if weights is None else expected * weights[:, None]
    found = squares(student, teacher, weights, shift)
    torch.testing.assert_close(found, expected.sum(dim=2))


@pytest.mark.parametrize('has_weights', [False, True])
def test_squares_have_both_derivatives(has_weights: bool) -> None:
    student = draw(2, 3, 2, 2).requires_grad_()
    shift = draw(2, 3, seed=3).requires_grad_()
    teacher = draw(2, 3, 2, 2, seed=1)
    weights = draw(2, 4, seed=2) if has_weights else None

    def function(student: Tensor, shift: Tensor) -> Tensor:
        return squares(student, teacher, weights, shift)

    assert torch.autograd.gradcheck(function, (student, shift))
    assert torch.autograd.gradgradcheck(function, (student, shift))


@pytest.mark.parametrize('loss', [at_loss, cwd_loss, hcl_loss, nst_loss, pkd_loss])
def test_a_second_derivative_is_the_derivative_of_the_first(loss: Loss) -> None:
    student, teacher = draw(2, 2, 5, 4).requires_grad_(), draw(2, 2, 5, 4, seed=1)
    assert torch.autograd.gradgradcheck(lambda maps: loss(maps, teacher), student)
