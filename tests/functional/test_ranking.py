"""Scores before training and rank correlations, against slow ones."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import diswot_semantics, kendall, parc, spearman

GENERATOR = torch.Generator().manual_seed(0)


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


def normalised_outer(gradient: list[float]) -> list[list[float]]:
    """Q(g) of the paper: the outer product, each row divided by its length."""
    rows = [[a * b for b in gradient] for a in gradient]
    lengths = [math.sqrt(sum(value**2 for value in row)) for row in rows]
    return [
        [value / length if length else 0.0 for value in row]
        for row, length in zip(rows, lengths, strict=True)
    ]


def test_semantics_are_the_distance_of_the_normalised_outer_products() -> None:
    student, teacher = draw(3, 4), draw(3, 4)
    student[0, 1] = 0.0
    student[2] = 0.0
    total = 0.0
    for c in range(3):
        first = normalised_outer(student[c].tolist())
        second = normalised_outer(teacher[c].tolist())
        total += sum(
            (first[i][j] - second[i][j]) ** 2 for i in range(4) for j in range(4)
        )
    assert float(diswot_semantics(student, teacher)) == pytest.approx(-total / 12)


def test_semantics_need_classifiers_of_one_width() -> None:
    with pytest.raises(ValueError, match=r'got \(3, 4\) and \(3, 5\); take a student'):
        diswot_semantics(draw(3, 4), draw(3, 5))


def slow_ranks(values: list[float]) -> list[float]:
    return [
        sum(other < value for other in values)
        + (sum(other == value for other in values) - 1) / 2
        for value in values
    ]


def slow_pearson(first: list[float], second: list[float]) -> float:
    means = [sum(one) / len(one) for one in (first, second)]
    products = [
        sum((a - means[i]) * (b - means[j]) for a, b in zip(x, y, strict=True))
        for (i, x), (j, y) in (
            ((0, first), (1, second)),
            ((0, first), (0, first)),
            ((1, second), (1, second)),
        )
    ]
    return products[0] / math.sqrt(products[1] * products[2])


@pytest.mark.parametrize('second', [[4.0, 1.0, 1.0, 9.0], [1.0, 2.0, 3.0, 4.0]])
def test_rank_correlations_with_equal_values(second: list[float]) -> None:
    first = [1.0, 2.0, 2.0, 5.0]
    found = spearman(torch.tensor(first), torch.tensor(second))
    assert found == pytest.approx(slow_pearson(slow_ranks(first), slow_ranks(second)))
    pairs = [(i, j) for i in range(4) for j in range(i)]
    signs = [
        [math.copysign(1, x[i] - x[j]) if x[i] != x[j] else 0 for i, j in pairs]
        for x in (first, second)
    ]
    agree = sum(a * b for a, b in zip(*signs, strict=True))
    scale = math.sqrt(math.prod(sum(map(abs, one)) for one in signs))
    found = kendall(torch.tensor(first), torch.tensor(second))
    assert found == pytest.approx(agree / scale)


def test_parc_is_the_rank_correlation_of_the_distances_of_all_pairs() -> None:
    features, labels = draw(7, 3), torch.tensor([0, 1, 2, 0, 1, 1, 2])
    columns = features.T.tolist()
    scaled = []
    for column in columns:
        mean = sum(column) / 7
        spread = math.sqrt(sum((value - mean) ** 2 for value in column) / 7)
        scaled.append([(value - mean) / spread for value in column])
    rows = [[column[i] for column in scaled] for i in range(7)]
    one_hot = [[float(c == label) for c in range(3)] for label in labels.tolist()]
    pairs = [(i, j) for i in range(7) for j in range(i)]
    distances = [1 - slow_pearson(rows[i], rows[j]) for i, j in pairs]
    differ = [1 - slow_pearson(one_hot[i], one_hot[j]) for i, j in pairs]
    differ = [round(value, 9) for value in differ]  # 1.5 in several roundings
    expected = slow_pearson(slow_ranks(distances), slow_ranks(differ))
    assert parc(features, labels) == pytest.approx(expected)


@pytest.mark.parametrize('value', [math.nan, 0.0])
def test_parc_of_a_network_that_diverged_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match='not finite, or that are all equal'):
        parc(torch.full((6, 4), value), torch.tensor([0, 1, 2, 0, 1, 2]))


@pytest.mark.parametrize(
    ('labels', 'message'),
    [([0, 0, 0], 'all 3 images are of class 0'), ([0, 1], r'got \(3, 2\) and \(2,\)')],
)
def test_parc_needs_two_classes_and_a_label_for_each_image(
    labels: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        parc(draw(3, 2), torch.tensor(labels))
