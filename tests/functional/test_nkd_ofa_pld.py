"""Facts about NKD, OFA and PLD that follow from their formulas by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional import nkd_loss, ofa_loss, pld_loss

Loss = Callable[..., Tensor]
SURE = torch.tensor([[500.0, 0.0, 1.0]])


def test_a_sure_teacher_turns_all_three_into_cross_entropy() -> None:
    student = torch.tensor([[1.0, 2.0, 3.0]])
    target = torch.tensor([0])
    expected = F.cross_entropy(student, target)
    assert nkd_loss(student, SURE, target, gamma=0.0) == expected
    assert ofa_loss(student, SURE, target) == expected
    torch.testing.assert_close(pld_loss(student, SURE, target), expected)
    torch.testing.assert_close(
        ofa_loss(student, SURE, target, epsilon=2.0), 3 * expected
    )


@pytest.mark.parametrize('loss', [nkd_loss, ofa_loss, pld_loss])
@pytest.mark.parametrize('target', [0, 1])
def test_a_student_that_is_sure_gives_a_finite_loss_and_gradient(
    loss: Loss, target: int
) -> None:
    student = (10 * SURE).requires_grad_()
    teacher = torch.tensor([[1.0, 2.0, 3.0]])
    value = loss(student, teacher, torch.tensor([target]))
    value.backward()
    assert value.isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()


def test_pld_puts_the_target_before_what_the_teacher_prefers() -> None:
    teacher = torch.tensor([[3.0, 2.0, 1.0]])
    in_order = torch.tensor([[0.0, 9.0, -9.0]])  # 1, then 0, then 2
    assert pld_loss(in_order, teacher, torch.tensor([1])) < 0.01
    assert pld_loss(in_order, teacher, torch.tensor([0])) > 5


def test_pld_temperature_spreads_the_weights_over_the_ranks() -> None:
    teacher = torch.tensor([[9.0, 0.0, -9.0]])
    first_is_right = torch.tensor([[9.0, -9.0, 0.0]])
    target = torch.tensor([0])
    assert pld_loss(first_is_right, teacher, target) < 0.01
    assert pld_loss(first_is_right, teacher, target, temperature=100.0) > 2
