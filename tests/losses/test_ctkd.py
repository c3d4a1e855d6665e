"""What is CTKD's own: the temperature that learns against the student."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import ctkd_loss, ctkd_strength, kd_loss
from ckd_mm.losses import CTKDLoss


def draw_pair(rows: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (2, rows, 5)
    student, teacher = torch.randn(shape, generator=generator, dtype=torch.float64)
    return student, 4 * teacher


@pytest.mark.parametrize('per_row', [False, True])
@pytest.mark.parametrize('strength', [0.0, 0.25, 1.0])
def test_the_score_gets_the_reversed_gradient_times_the_strength(
    per_row: bool, strength: float
) -> None:
    student, teacher = draw_pair()
    score = torch.full((6,) if per_row else (), 0.3, dtype=torch.float64)
    step = 1e-6
    value = ctkd_loss(student, teacher, score.requires_grad_(), strength=strength)
    (gradient,) = torch.autograd.grad(value, score)
    for row in range(score.numel()):
        change = torch.zeros_like(score)
        change.view(-1)[row] = step
        up, down = (
            ctkd_loss(student, teacher, score.detach() + sign * change).item()
            for sign in (1, -1)
        )
        assert gradient.view(-1)[row].item() == pytest.approx(
            -strength * (up - down) / (2 * step), rel=1e-5
        )


def test_each_row_is_kd_at_its_own_temperature() -> None:
    student, teacher = draw_pair(rows=2)
    score = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    rows = [
        kd_loss(student[i : i + 1], teacher[i : i + 1], temperature=1 + 20 * sigmoid)
        for i, sigmoid in enumerate(score.sigmoid().tolist())
    ]
    value = ctkd_loss(student, teacher, score)
    torch.testing.assert_close(value, (rows[0] + rows[1]) / 2)


def test_the_strength_is_half_a_cosine_over_ten_epochs() -> None:
    for epoch in (0, 1, 3.7, 10):
        expected = 0.5 * (1 - math.cos(math.pi * epoch / 10))
        assert ctkd_strength(epoch) == pytest.approx(expected)
    assert ctkd_strength(10.1) == 1
    assert ctkd_strength(0, num_epochs=0) == 1
    assert ctkd_strength(1, num_epochs=4) == pytest.approx(ctkd_strength(2.5))


@pytest.mark.parametrize('num_classes', [None, 5])
def test_training_the_temperature_raises_the_loss(num_classes: int | None) -> None:
    student, teacher = draw_pair()
    torch.manual_seed(0)
    loss = CTKDLoss(num_classes=num_classes)
    optimizer = torch.optim.SGD(loss.parameters(), lr=0.5)
    values = []
    for _ in range(20):
        value = loss(student, teacher, epoch=10.0)
        values.append(value.item())
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert values == sorted(values)
    assert values[-1] > values[0]


def test_in_the_beginning_the_temperature_does_not_move() -> None:
    loss = CTKDLoss()
    loss(*draw_pair(), epoch=0.0).backward()
    assert loss.score.grad == 0


def test_the_network_gives_each_row_another_temperature_once_it_has_learned() -> None:
    student, teacher = draw_pair()
    torch.manual_seed(0)
    loss = CTKDLoss(num_classes=5)
    with torch.no_grad():
        next(loss.network[2].parameters()).normal_()
    scores = loss._score(student, teacher)
    assert scores.shape == (6,)
    assert len(scores.unique()) == 6
    student.requires_grad_()
    (gradient,) = torch.autograd.grad(loss(student, teacher, 10.0), student)
    expected = ctkd_loss(student, teacher, scores.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, student)[0])


@pytest.mark.parametrize('num_classes', [None, 5])
def test_every_parameter_has_a_gradient_also_without_rows(
    num_classes: int | None,
) -> None:
    """DistributedDataParallel waits for it."""
    loss = CTKDLoss(num_classes=num_classes)
    empty = torch.zeros(0, 5, requires_grad=True)
    value = loss(empty, empty.detach(), epoch=10.0)
    assert value == 0
    value.backward()
    assert all(parameter.grad is not None for parameter in loss.parameters())
    assert loss.statistics(empty, empty)['temperature'].isfinite()


def test_another_number_of_classes_is_named() -> None:
    with pytest.raises(ValueError) as error:
        CTKDLoss(num_classes=10)(*draw_pair(), epoch=0.0)
    assert str(error.value) == (
        'num_classes of CTKDLoss must be the number of classes of the logits (B, C), '
        'got num_classes=10 and logits (6, 5); set num_classes=5'
    )
