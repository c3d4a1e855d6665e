"""What RLD does with a teacher that contradicts the label."""

from __future__ import annotations

import pytest
import torch

from ckd_mm.functional import dkd_loss, rld_loss

WRONG = torch.tensor([[5.0, 4.0, 2.0, 1.0]])
TARGET = torch.tensor([1])


def test_a_teacher_without_mistakes_teaches_as_dkd_does_at_one_temperature() -> None:
    student = torch.tensor([[1.0, 0.0, 2.0, 0.5]])
    target = torch.tensor([0])
    expected = dkd_loss(student, WRONG, target, beta=2.0, temperature=1.0)
    value = rld_loss(student, WRONG, target, beta=2.0, temperature=1.0)
    torch.testing.assert_close(value, expected)


def test_the_class_that_the_teacher_wrongly_prefers_is_left_out() -> None:
    student = torch.tensor([[9.0, 0.0, 2.0, 1.0]], requires_grad=True)
    value = rld_loss(student, WRONG, TARGET, alpha=0.0)
    value.backward()
    assert value == 0
    assert student.grad is not None
    assert (student.grad == 0).all()


@pytest.mark.parametrize('target', [2, 3])
def test_a_target_without_two_classes_below_it_leaves_the_confidence(
    target: int,
) -> None:
    student = torch.tensor([[1.0, 3.0, 0.0, 2.0]])
    labels = torch.tensor([target])
    value = rld_loss(student, WRONG, labels)
    assert value > 0
    assert value == rld_loss(student, WRONG, labels, beta=0.0)


def test_a_student_that_is_sure_gives_a_finite_loss_and_gradient() -> None:
    student = torch.tensor([[5000.0, 0.0, 1.0, 2.0]], requires_grad=True)
    value = rld_loss(student, WRONG, TARGET)
    value.backward()
    assert value.isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()


def test_a_class_as_likely_as_the_target_is_left_out() -> None:
    """Without an order of the two, the teacher says nothing against the label."""
    tied = torch.tensor([[4.0, 4.0, 2.0, 1.0]])
    student = torch.tensor([[9.0, 0.0, 2.0, 1.0]])
    assert rld_loss(student, tied, TARGET, alpha=0.0) == 0
