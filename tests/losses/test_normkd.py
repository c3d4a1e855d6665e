"""What NormKD, an option of KD, does beside its formula."""

from __future__ import annotations

import pytest
import torch

from ckd_mm.losses import KDLoss

NORM_KD = KDLoss(standardize=True, restore_scale=True)


def test_the_scale_is_refused_without_standardised_logits() -> None:
    with pytest.raises(ValueError, match='got standardize=False; set both for NormKD'):
        KDLoss(restore_scale=True)


def test_the_scale_of_the_student_does_not_count_and_that_of_the_teacher_does() -> None:
    student, teacher = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    value = NORM_KD(student, teacher)
    torch.testing.assert_close(NORM_KD(3 * student, teacher), value)
    torch.testing.assert_close(NORM_KD(student, 3 * teacher), 9 * value)


def test_a_constant_teacher_row_counts_nothing() -> None:
    student = torch.tensor([[1.0, 2.0, 4.0]], requires_grad=True)
    value = NORM_KD(student, torch.full((1, 3), 7.3))
    value.backward()
    assert value == 0
    assert student.grad is not None
    assert (student.grad == 0).all()
