"""Facts about the contrastive loss that follow from its formula by hand."""

from __future__ import annotations

import math

import pytest
import torch

from ckd_mm.functional import ckd_loss


@pytest.mark.parametrize('rows', [2, 64, 512])
def test_a_perfect_copy_with_orthogonal_rows_stays_far_from_zero(rows: int) -> None:
    logits = torch.eye(rows, dtype=torch.float64)
    expected = math.log(math.e + rows - 1) - 1  # 3.19 for 64 rows, 5.24 for 512
    assert ckd_loss(logits, logits).item() == pytest.approx(expected, rel=1e-12)


def test_a_collapsed_student_gives_the_log_of_the_number_of_rows() -> None:
    teacher = torch.eye(8, dtype=torch.float64)
    student = torch.ones(8, 8, dtype=torch.float64)
    assert ckd_loss(student, teacher).item() == pytest.approx(math.log(8), rel=1e-12)


def test_the_anchor_is_the_side_whose_rows_look_for_a_match() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 5, 7, generator=generator, dtype=torch.float64)
    by_teacher = ckd_loss(first, second, anchor='teacher')
    by_student = ckd_loss(first, second, anchor='student')
    assert not torch.isclose(by_teacher, by_student)
    torch.testing.assert_close(by_student, ckd_loss(second, first, anchor='teacher'))
    both = ckd_loss(first, second, anchor='both')
    torch.testing.assert_close(both, (by_teacher + by_student) / 2)


def test_a_zero_row_gets_no_gradient_and_the_others_keep_theirs() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 4, 6, generator=generator)
    student[1] = 0
    student.requires_grad_()
    ckd_loss(student, teacher).backward()
    assert student.grad is not None
    assert not student.grad[1].any()
    assert student.grad[[0, 2, 3]].abs().sum(dim=1).gt(0).all()


def test_the_loss_stays_within_its_documented_bounds() -> None:
    teacher = torch.eye(4)
    opposite = torch.full((4, 4), 1.0).fill_diagonal_(-3.0)
    upper = math.log(1 + 3 * math.exp(2))
    lower = math.log(1 + 3 * math.exp(-2))
    assert lower < ckd_loss(teacher, teacher) < ckd_loss(opposite, teacher) < upper
