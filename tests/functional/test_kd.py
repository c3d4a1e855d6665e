"""Facts about Hinton's loss that follow from its formula by hand."""

from __future__ import annotations

import torch

from ckd_mm.functional import kd_loss


def test_a_perfect_copy_gives_zero() -> None:
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    assert kd_loss(logits, logits) == 0


def test_temperature_keeps_the_size_of_the_gradient() -> None:
    """At high temperature T^2 KL tends to the mean squared distance of the logits."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 6, 5, generator=generator, dtype=torch.float64)
    difference = student - teacher
    difference = difference - difference.mean(dim=1, keepdim=True)
    expected = difference.square().sum(dim=1).mean() / (2 * 5)
    value = kd_loss(student, teacher, temperature=1e4)
    torch.testing.assert_close(value, expected, rtol=1e-3, atol=0.0)


def test_a_student_that_is_sure_and_wrong_gets_a_finite_loss() -> None:
    student = torch.tensor([[500.0, 0.0]], requires_grad=True)
    value = kd_loss(student, torch.tensor([[0.0, 500.0]]), temperature=1.0)
    torch.testing.assert_close(value, torch.tensor(500.0))
