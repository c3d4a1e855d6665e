"""Logits standardised per row: what the option of KD and DKD changes."""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.functional import dkd_loss, kd_loss


def draw_pair() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 4, 5, generator=generator, dtype=torch.float64)
    return student, teacher


def test_the_size_of_the_logits_of_either_model_does_not_matter() -> None:
    student, teacher = draw_pair()
    expected = kd_loss(student, teacher, standardize=True)
    value = kd_loss(3 * student, teacher / 7, standardize=True)
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=0.0)
    assert kd_loss(3 * student, teacher / 7) != kd_loss(student, teacher)


def test_both_losses_equal_themselves_on_standardised_logits() -> None:
    pair = draw_pair()
    student, teacher = (
        (z - z.mean(1, keepdim=True)) / z.std(1, keepdim=True) for z in pair
    )
    target = torch.tensor([0, 4, 2, 2])
    torch.testing.assert_close(
        kd_loss(*pair, standardize=True), kd_loss(student, teacher), rtol=1e-5, atol=0.0
    )
    torch.testing.assert_close(
        dkd_loss(*pair, target, standardize=True),
        dkd_loss(student, teacher, target),
        rtol=1e-5,
        atol=0.0,
    )


def test_a_constant_row_counts_as_uniform_and_gets_no_gradient() -> None:
    student, teacher = draw_pair()
    student[1] = 0.3
    student.requires_grad_()
    value = kd_loss(student, teacher, standardize=True)
    value.backward()
    assert value.isfinite()
    assert student.grad is not None
    assert not student.grad[1].any()
    assert student.grad[0].any()


def test_one_class_gives_zero() -> None:
    logits = torch.ones(3, 1, requires_grad=True)
    value = kd_loss(logits, torch.zeros(3, 1), standardize=True)
    value.backward()
    assert value == 0
    assert logits.grad is not None
    assert not logits.grad.any()
