"""What DIST sees and what it does not."""

from __future__ import annotations

import torch

from ckd_mm.functional import dist_loss


def test_a_single_row_has_no_relation_within_classes() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 1, 5, generator=generator)
    student.requires_grad_()
    value = dist_loss(student, teacher, beta=0.0, gamma=3.0, temperature=2.0)
    assert value == 3.0 * 2.0**2
    value.backward()
    assert student.grad is not None
    assert not student.grad.any()


def test_a_perfect_copy_gives_zero() -> None:
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    assert dist_loss(logits.double(), logits.double()).abs() < 1e-6


def test_a_constant_row_gets_no_gradient_from_its_own_correlation() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 4, 1000, generator=generator)
    student[1] = 0.3
    student.requires_grad_()
    dist_loss(student, teacher, beta=1.0, gamma=0.0).backward()
    assert student.grad is not None
    assert not student.grad[1].any()
    assert student.grad[0].any()


def test_the_batch_matters_only_to_the_second_part() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 6, 5, generator=generator, dtype=torch.float64)
    by_row = [
        dist_loss(student[i : i + 1], teacher[i : i + 1], gamma=0.0) for i in range(6)
    ]
    whole = dist_loss(student, teacher, gamma=0.0)
    torch.testing.assert_close(whole, torch.stack(by_row).mean())
