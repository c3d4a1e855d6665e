"""Facts about JS, SinKD, BD-KD and MLKD that follow from their formulas by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import bdkd_loss, js_loss, kd_loss, mlkd_loss, sinkd_loss

Loss = Callable[..., Tensor]


def draw_pair() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 6, 5, generator=generator, dtype=torch.float64)
    return student, teacher


@pytest.mark.parametrize('loss', [bdkd_loss, js_loss, mlkd_loss])
def test_a_perfect_copy_gives_zero(loss: Loss) -> None:
    logits, _ = draw_pair()
    assert loss(logits, logits).abs() < 1e-12


def test_js_is_bounded_where_kd_is_not() -> None:
    student, teacher = 1000 * torch.eye(2), 1000 * torch.eye(2).flip(0)
    student.requires_grad_()
    value = js_loss(student, teacher)
    value.backward()
    assert kd_loss(student, teacher, temperature=1.0) > 900
    assert value.item() == pytest.approx(math.log(2))
    assert student.grad is not None
    assert student.grad.isfinite().all()


def test_js_of_close_distributions_is_an_eighth_of_the_symmetric_divergence() -> None:
    student, teacher = draw_pair()
    student = teacher + 1e-4 * student
    both_ways = kd_loss(student, teacher, temperature=1.0) + kd_loss(
        teacher, student, temperature=1.0
    )
    torch.testing.assert_close(
        js_loss(student, teacher), both_ways / 8, rtol=1e-3, atol=0.0
    )


def test_sinkd_finds_the_rows_of_the_teacher_in_any_order() -> None:
    teacher = 100 * torch.eye(4)
    assert sinkd_loss(teacher.roll(1, dims=0), teacher) < 1e-5
    assert sinkd_loss(teacher[[0, 0, 0, 0]], teacher) == pytest.approx(1.5)


def test_sinkd_regularisation_spreads_the_plan() -> None:
    teacher = 100 * torch.eye(4)
    assert sinkd_loss(teacher, teacher, epsilon=1e3) == pytest.approx(1.5, abs=0.01)


def test_bdkd_emphasises_the_forward_divergence_of_a_surer_student() -> None:
    student, teacher = torch.tensor([[4.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 2.0]])
    forward = kd_loss(student, teacher, temperature=1.0)
    reverse = kd_loss(teacher, student, temperature=1.0)
    for surer, pair in [(True, (student, teacher)), (False, (teacher, student))]:
        own_forward, own_reverse = (forward, reverse) if surer else (reverse, forward)
        weights = (3.0, 1.0) if surer else (1.0, 3.0)
        expected = weights[0] * own_forward + weights[1] * own_reverse
        value = bdkd_loss(*pair, emphasis=3.0, temperature=1.0)
        torch.testing.assert_close(value, expected)


def test_mlkd_sees_the_batch_beyond_its_rows() -> None:
    """KD is a mean of rows; the other two parts are not."""
    student, teacher = draw_pair()
    by_row = [mlkd_loss(student[i : i + 1], teacher[i : i + 1]) for i in range(6)]
    whole = mlkd_loss(student, teacher)
    assert whole > torch.stack(by_row).mean() + 0.01
