"""Facts about RKD, SP, PKT and CC that follow from their formulas by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import cc_loss, pkt_loss, rkd_loss, sp_loss

EACH = pytest.mark.parametrize('loss', [cc_loss, pkt_loss, rkd_loss, sp_loss])
Loss = Callable[..., Tensor]


def draw_pair(width: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    teacher = torch.randn(6, width, generator=generator, dtype=torch.float64)
    return student, teacher


@EACH
def test_a_perfect_copy_gives_zero(loss: Loss) -> None:
    student, _ = draw_pair()
    assert loss(student, student).abs() < 1e-12


@EACH
def test_the_teacher_may_be_wider(loss: Loss) -> None:
    student, teacher = draw_pair(width=9)
    assert loss(student, teacher) > 0
    padded = torch.cat([student, torch.zeros(6, 4)], dim=1)
    torch.testing.assert_close(loss(student, teacher), loss(padded, teacher))


@EACH
def test_equal_and_zero_rows_give_a_finite_moderate_gradient(loss: Loss) -> None:
    student, teacher = draw_pair()
    student[1] = student[0]
    student[2] = 0.0
    student.requires_grad_()
    value = loss(student, teacher)
    value.backward()
    assert value.isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()
    assert student.grad.abs().max() < 100


@pytest.mark.parametrize('loss', [cc_loss, pkt_loss])
def test_a_zero_row_gets_no_gradient(loss: Loss) -> None:
    student, teacher = draw_pair()
    student[2] = 0.0
    student.requires_grad_()
    loss(student, teacher).backward()
    assert student.grad is not None
    assert not student.grad[2].any()
    assert student.grad[0].any()


def test_rkd_sees_a_change_of_shape_but_not_of_size() -> None:
    triangle = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    stretched = triangle * torch.tensor([1.0, 5.0])
    assert rkd_loss(7 * triangle, triangle) < 1e-10
    assert rkd_loss(stretched, triangle, angle_weight=0.0) > 1
    assert rkd_loss(stretched, triangle, distance_weight=0.0) > 0.5


def test_sp_takes_feature_maps_as_rows() -> None:
    student, teacher = torch.randn(2, 4, 3, 2, 2).unbind()
    expected = sp_loss(student.flatten(1), teacher.flatten(1))
    assert sp_loss(student, teacher) == expected
    assert sp_loss(student, teacher.flatten(1)) == expected


def test_cc_kernel_approximates_the_gaussian_kernel() -> None:
    """The Taylor expansion to order 2 is close where gamma is small."""
    student, teacher = torch.eye(3), torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    matrices = []
    for rows in (student, teacher):
        rows = rows / rows.norm(dim=1, keepdim=True)
        matrices.append(torch.exp(-0.2 * torch.cdist(rows, rows) ** 2))
    expected = (matrices[0] - matrices[1]).square().mean()
    value = cc_loss(student, teacher, gamma=0.2)
    torch.testing.assert_close(value, expected, rtol=0.1, atol=0.0)
