"""Averages of several teachers: values, probabilities, weights of a term."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.hooks import DistillationHook
from ckd_mm.losses import KDLoss
from ckd_mm.teachers import Average
from ckd_mm.teachers.averages import average, average_probabilities

TWO = [dict(config='x.py')] * 2
KD = dict(type='KDLoss')
SOFT = dict(average='probabilities')


def softmax(row: list[float], temperature: float) -> list[float]:
    powers = [math.exp(value / temperature) for value in row]
    return [power / sum(powers) for power in powers]


def reference(
    student: Tensor, teachers: list[Tensor], weights: list[float], temperature: float
) -> float:
    """KD against the mean of the probabilities, over scalars."""
    total = 0.0
    for index, row in enumerate(student.tolist()):
        rows = [softmax(one[index].tolist(), temperature) for one in teachers]
        for column, log in enumerate(map(math.log, softmax(row, temperature))):
            share = sum(w * one[column] for w, one in zip(weights, rows, strict=True))
            mean = share / sum(weights)
            total += mean * (math.log(mean) - log)
    return temperature**2 * total / len(student)


@pytest.mark.parametrize('temperature', [1.0, 4.0])
def test_kd_gets_the_mean_of_the_probabilities_at_its_temperature(
    temperature: float,
) -> None:
    torch.manual_seed(0)
    student, *teachers = (5 * torch.randn(4, 3, 6)).double()
    weights = [2.0, 1.0, 0.5]
    mean = average_probabilities(teachers, weights, temperature)
    loss = KDLoss(temperature=temperature)(student, mean)
    assert loss.item() == pytest.approx(
        reference(student, teachers, weights, temperature), rel=1e-9
    )
    of_logits = KDLoss(temperature=temperature)(student, average(teachers, weights))
    assert abs(of_logits.item() - loss.item()) > 1e-2


def test_a_teacher_twice_is_the_teacher() -> None:
    """Up to a constant of each row, which no softmax sees."""
    logits = torch.tensor([[300.0, -300.0, 0.0]])
    mean = average_probabilities([logits, logits], [1.0, 1.0], 2.0)
    torch.testing.assert_close(mean, logits - 300.0)


def test_half_precision_and_no_rows_are_averaged_in_float32() -> None:
    half = torch.tensor([[60000.0, -60000.0]], dtype=torch.float16)
    mean = average_probabilities([half, -half], [1.0, 1.0], 1.0)
    torch.testing.assert_close(mean.softmax(1), torch.full((1, 2), 0.5))
    assert average_probabilities([half[:0]] * 2, [1.0, 1.0], 1.0).shape == (0, 2)


def test_averages_of_values_are_weighted_level_by_level() -> None:
    one, two = torch.tensor([1.0]), torch.tensor([4.0])
    torch.testing.assert_close(average([one, two], [2.0, 1.0]), 2 * one)
    levels = average([(one, two), (two, one)], [1.0, 1.0])
    assert isinstance(levels, tuple)
    assert [level.item() for level in levels] == [2.5, 2.5]


@pytest.mark.parametrize('temperature', [None, 1.0])
@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ([torch.zeros(2, 3), torch.zeros(2, 4)], r'\(2, 3\).*\(2, 4\).*teacher=NUMBER'),
        ([(torch.zeros(1),), (torch.zeros(1),) * 2], 'must agree in shape'),
    ],
)
def test_averages_of_different_shapes_are_refused(
    temperature: float | None, values: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Average(temperature).of(values, [1.0, 1.0])


@pytest.mark.parametrize(
    ('teacher', 'term', 'message'),
    [
        (TWO, dict(loss=KD, average='mean'), "average must be one of 'values', 'prob"),
        (TWO[0], dict(loss=KD, **SOFT), "average='probabilities' is for several"),
        (
            TWO,
            dict(loss=KD, teacher=1, teacher_weights=[1.0]),
            r'teacher_weights=\[1.0\] is for several teachers, and .* hears one',
        ),
        (TWO, dict(loss=KD, teacher_weights=[1.0]), 'must be a list of 2 numbers > 0'),
        (TWO, dict(loss=KD, teacher_weights=2.0), 'must be a list of 2 numbers > 0'),
        (TWO, dict(loss=KD, teacher_weights=[1, 0]), r'teacher_weights\[1\] must be a'),
        (TWO, dict(loss=dict(type='CKDLoss'), **SOFT), 'and CKDLoss does not; take KD'),
        (TWO, dict(loss=dict(type='MLKDLoss'), **SOFT), 'one fixed temperature'),
        (TWO, dict(loss=dict(type='CTKDLoss'), **SOFT), 'one fixed temperature'),
        (
            TWO,
            dict(loss=dict(KD, standardize=True), **SOFT),
            r'KDLoss\(standardize=True\) does not',
        ),
        (TWO, dict(loss=KD, teacher_weigths=[1, 1]), 'did you mean .teacher_weights'),
    ],
)
def test_options_that_cannot_be_followed_are_refused(
    teacher: Any, term: dict[str, Any], message: str
) -> None:
    distill = dict(kd=dict(on='logits', **term))
    second = dict(rest=dict(on='logits', loss=KD))  # hears all teachers
    with pytest.raises(ValueError, match=message) as error:
        DistillationHook(teacher=teacher, distill=distill | second)
    assert "distill term 'kd'" in str(error.value)
