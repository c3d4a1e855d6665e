"""What WKD-L's transport does beside its formula."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import class_distances, wkdl_loss

TARGET = torch.tensor([0, 3, 1])


def logits(*, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(3, 5, generator=generator, dtype=torch.float64)


def distances() -> Tensor:
    return class_distances(logits(seed=7).mT)


def moved(student: Tensor, teacher: Tensor, costs: Tensor, **options: Any) -> Tensor:
    """What the transport alone costs."""
    settings: dict[str, Any] = dict(temperature=1.0, sharpness=None, epsilon=0.01)
    both = [
        wkdl_loss(student, teacher, TARGET, costs, gamma=gamma, **settings | options)
        for gamma in (0.0, 1.0)
    ]
    return both[1] - both[0]


def test_classes_may_come_in_any_order() -> None:
    order = torch.tensor([2, 0, 4, 1, 3])
    value = wkdl_loss(logits(), logits(seed=1), TARGET, distances())
    changed = wkdl_loss(
        logits()[:, order],
        logits(seed=1)[:, order],
        order.argsort()[TARGET],
        distances()[order][:, order],
    )
    torch.testing.assert_close(changed, value)


def test_converged_it_is_the_distance_of_the_best_plan() -> None:
    """Where all classes are one apart, that is half the L1 distance."""
    student, teacher = logits(), logits(seed=1)
    value = moved(student, teacher, 1 - torch.eye(5).double(), num_iterations=500)
    others = [
        one.scatter(1, TARGET[:, None], -torch.inf).softmax(1)
        for one in (student, teacher)
    ]
    expected = (others[0] - others[1]).abs().sum(1).mean() / 2
    torch.testing.assert_close(value, expected, rtol=1e-4, atol=0)


def test_near_classes_cost_less() -> None:
    far = 1 - torch.eye(5).double()
    near = far.clone()
    near[1, 2] = near[2, 1] = 0.1
    teacher = torch.zeros(3, 5).double()
    teacher[:, 1] = 6.0
    student = teacher.roll(1, dims=1)  # class 2 in place of class 1
    assert moved(student, teacher, near) < 0.5 * moved(student, teacher, far)


def test_the_target_is_only_in_its_own_term() -> None:
    """What is far from the target alone costs nothing."""
    costs = torch.zeros(5, 5).double()
    costs[0] = costs[:, 0] = 9.0
    student, teacher = logits()[:1], logits(seed=1)[:1]
    of_target = wkdl_loss(student, teacher, TARGET[:1], costs, gamma=0.0)
    torch.testing.assert_close(
        wkdl_loss(student, teacher, TARGET[:1], costs), of_target
    )


def test_costs_far_above_epsilon_and_sure_models_stay_finite() -> None:
    """K would be 0 in float32, and 0 / 0 what is divided by it."""
    student = (1e4 * logits()).float().requires_grad_()
    teacher = (1e4 * logits(seed=1)).float()
    value = wkdl_loss(student, teacher, TARGET, 1e3 * distances(), sharpness=None)
    value.backward()
    assert value.isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()


def test_two_classes_leave_the_term_of_the_target() -> None:
    student, teacher = logits()[:, :2], logits(seed=1)[:, :2]
    target = torch.tensor([0, 1, 1])
    values = [
        wkdl_loss(student, teacher, target, distances()[:2, :2], gamma=gamma)
        for gamma in (0.0, 50.0)
    ]
    torch.testing.assert_close(*values)


def test_a_table_of_other_classes_is_refused() -> None:
    with pytest.raises(ValueError, match=r'\(5, 5\) for .* got \(4, 4\); give one row'):
        wkdl_loss(logits(), logits(), TARGET, distances()[:4, :4])
