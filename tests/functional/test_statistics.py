"""The shares that are logged beside a loss, against counts by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ckd_mm.functional import (
    alignment,
    retrieval_accuracy,
    top1_agreement,
    uniformity,
)


def spread(student: Tensor, teacher: Tensor) -> Tensor:
    return uniformity(student)


BOTH = pytest.mark.parametrize(
    'statistic', [retrieval_accuracy, top1_agreement, alignment, spread]
)
Statistic = Callable[[Tensor, Tensor], Tensor]


def test_retrieval_counts_teacher_rows_whose_nearest_student_is_their_own() -> None:
    teacher = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    # Teacher rows 0 and 1 both find student row 0 or 1; row 2 finds student row 0.
    student = torch.tensor([[5.0, 4.0], [0.0, 0.1], [-1.0, -1.0]])
    assert retrieval_accuracy(student, teacher).item() == pytest.approx(2 / 3)
    # The other way round every student row would look among the teacher's: 1 of 3.
    assert retrieval_accuracy(teacher, student).item() == pytest.approx(1 / 3)


def test_retrieval_ignores_the_length_of_rows() -> None:
    student = torch.diag(torch.tensor([1e-3, 1.0, 1e3]))
    assert retrieval_accuracy(student, torch.eye(3)) == 1


def test_a_collapsed_student_retrieves_one_row() -> None:
    assert retrieval_accuracy(torch.ones(4, 4), torch.eye(4)) == 0.25


def test_agreement_counts_rows_with_the_same_largest_class() -> None:
    student = torch.tensor([[2.0, 1.0], [0.0, 5.0], [1.0, 0.0], [3.0, 0.0]])
    teacher = torch.tensor([[9.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.5]])
    assert top1_agreement(student, teacher) == 0.5


def test_alignment_and_uniformity_are_those_of_the_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 7, 5, generator=generator)
    unit = [F.normalize(logits, dim=1) for logits in (student, teacher)]
    squares = (unit[0] - unit[1]).norm(dim=1) ** 2
    torch.testing.assert_close(alignment(student, teacher), squares.mean())
    expected = torch.pdist(unit[0]).square().mul(-2).exp().mean().log()
    torch.testing.assert_close(uniformity(student), expected)


def test_uniformity_of_many_rows_is_taken_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logits = torch.randn(9, 4)
    expected = uniformity(logits)
    monkeypatch.setattr('ckd_mm.functional.statistics.MOST_SCORES', 20)
    torch.testing.assert_close(uniformity(logits), expected)


@BOTH
def test_an_empty_batch_gives_zero(statistic: Statistic) -> None:
    value = statistic(torch.zeros(0, 3), torch.zeros(0, 3))
    assert value.shape == ()
    assert value == 0


@BOTH
def test_there_is_no_graph(statistic: Statistic) -> None:
    logits = torch.eye(3, requires_grad=True)
    assert not statistic(logits, logits).requires_grad


@BOTH
@pytest.mark.parametrize('rows', [0, 4])
def test_half_precision_under_autocast_gives_float32(
    statistic: Statistic, rows: int
) -> None:
    logits = torch.randn(rows, 5).bfloat16()
    expected = statistic(logits.float(), logits.float())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = statistic(logits, logits)
    assert value.dtype == torch.float32
    assert value == expected


@pytest.mark.parametrize('statistic', [retrieval_accuracy, top1_agreement, alignment])
def test_shapes_that_differ_are_refused(statistic: Statistic) -> None:
    with pytest.raises(ValueError, match=r'got \(3, 4\) and \(3, 5\)'):
        statistic(torch.zeros(3, 4), torch.zeros(3, 5))


@BOTH
def test_never_waits_for_the_device(statistic: Statistic) -> None:
    with FakeTensorMode():
        assert statistic(torch.randn(4, 5), torch.randn(4, 5)).shape == ()
