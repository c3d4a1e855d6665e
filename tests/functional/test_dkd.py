"""DKD's labels, and its values where the authors' formula has none."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import dkd_loss


def draw_pair() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 4, 5, generator=generator)
    return student, teacher


@pytest.mark.parametrize('dtype', [torch.uint8, torch.int32, torch.int64], ids=str)
def test_labels_may_be_of_any_integer_type(dtype: torch.dtype) -> None:
    student, teacher = draw_pair()
    target = torch.tensor([0, 4, 2, 2])
    expected = dkd_loss(student, teacher, target)
    assert dkd_loss(student, teacher, target.to(dtype)) == expected


@pytest.mark.parametrize(
    'target',
    [
        torch.zeros(3, dtype=torch.long),
        torch.zeros(4),
        torch.zeros(4, dtype=torch.bool),
        torch.zeros(4, 5, dtype=torch.long),
        torch.zeros(4, 6),
    ],
    ids=lambda target: f'{tuple(target.shape)}-{target.dtype}',
)
def test_labels_of_another_form_are_named(target: Tensor) -> None:
    with pytest.raises(ValueError) as error:
        dkd_loss(*draw_pair(), target)
    assert str(error.value) == (
        'target must be class indices (B,) of an integer type or soft labels (B, C) of '
        f'a floating type for logits (4, 5), got {tuple(target.shape)} of '
        f'{target.dtype}; check what the labels are'
    )


@pytest.mark.parametrize('target', [0, 1])
@pytest.mark.parametrize('distance', [200.0, 5000.0])
def test_a_student_that_is_sure_gives_a_finite_loss_and_gradient(
    target: int, distance: float
) -> None:
    """log(1 - p_y) of a rounded p_y is -inf, log(p_y) of an underflown one too."""
    student = torch.tensor([[distance, 0.0, 1.0]], requires_grad=True)
    teacher = torch.tensor([[1.0, 2.0, 3.0]])
    value = dkd_loss(student, teacher, torch.tensor([target]), temperature=1.0)
    value.backward()
    assert value.isfinite()
    assert value > distance / 2
    assert student.grad is not None
    assert student.grad.isfinite().all()
    assert student.grad[0, 0] > 0


def test_two_classes_leave_only_the_target_part() -> None:
    student, teacher = draw_pair()
    student, teacher = student[:, :2], teacher[:, :2]
    target = torch.tensor([0, 1, 1, 0])
    with_others = dkd_loss(student, teacher, target, beta=8.0)
    assert with_others == dkd_loss(student, teacher, target, beta=0.0)
    assert with_others > 0
