"""Columns of class logits, beside examples that were made by hand.

Students and teachers of the classes a, b, c, d, e; x, y are what one of the two lacks.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.testing import assert_allclose
from torch import Tensor

from ckd_mm.adapters.core.class_logits import ClassLogits, Columns, Pixels
from ckd_mm.adapters.core.class_match import ClassMatch
from ckd_mm.adapters.core.class_names import ClassNames

# The student knows x, the teacher y; the common classes are a and b.
STUDENT, TEACHER = ['a', 'x', 'b'], ['b', 'y', 'a', 'z']
SOFTMAX = ClassLogits(3, 'softmax', background=False)
DETECTION = ClassLogits(3, 'softmax', background=True)
SIGMOID = ClassLogits(3, 'sigmoid', background=False)


def columns(student: ClassLogits, activation: str | None = None) -> Columns:
    names = ClassNames(dict(classes=STUDENT), dict(classes=TEACHER))
    teacher = ClassLogits(4, student.activation, student.background)
    return Columns.of(student, teacher, names, activation)


def logs(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64).log()


def test_a_softmax_with_background_gives_it_the_probability_of_other_classes() -> None:
    found = columns(DETECTION)
    student = found.student(logs([[0.1, 0.2, 0.3, 0.4]]))  # a, x, b, background
    teacher = found.teacher(logs([[0.1, 0.2, 0.3, 0.15, 0.25]]))  # b, y, a, z, backgr.
    assert_allclose(student.softmax(1), torch.tensor([[0.1, 0.3, 0.6]]).double())
    assert_allclose(teacher.softmax(1), torch.tensor([[0.3, 0.1, 0.6]]).double())


def test_a_softmax_without_background_is_given_that_it_is_a_common_class() -> None:
    found = columns(SOFTMAX)
    student = found.student(logs([[0.1, 0.6, 0.3]]))
    teacher = found.teacher(logs([[0.1, 0.2, 0.3, 0.4]]))
    assert_allclose(student.softmax(1), torch.tensor([[0.25, 0.75]]).double())
    assert_allclose(teacher.softmax(1), torch.tensor([[0.75, 0.25]]).double())


def test_the_ways_to_leave_columns_out_differ() -> None:
    """A teacher that is sure of y: background by one way, class a by the other."""
    sure = logs([[0.01, 0.9, 0.03, 0.01, 0.05]])
    folded = columns(DETECTION).teacher(sure).softmax(1)
    left_out = sure[:, [2, 0, 4]].softmax(1)
    assert folded[0].tolist() == pytest.approx([0.03, 0.01, 0.96])
    assert left_out[0].tolist() == pytest.approx([1 / 3, 1 / 9, 5 / 9])


def test_a_sigmoid_per_class_leaves_the_other_questions_out() -> None:
    found = columns(SIGMOID)
    assert found.student(torch.tensor([[1, 2, 3]])).tolist() == [[1, 3]]
    assert found.teacher(torch.tensor([[1, 2, 3, 4]])).tolist() == [[3, 1]]
    with_ground = columns(ClassLogits(3, 'sigmoid', background=True))
    assert with_ground.student(torch.tensor([[1, 2, 3, 4]])).tolist() == [[1, 3]]
    assert with_ground.teacher(torch.tensor([[1, 2, 3, 4, 5]])).tolist() == [[3, 1]]


def test_targets_follow() -> None:
    labels = torch.tensor([0, 2, 3])  # a, b, background
    assert columns(DETECTION).align_context('target', labels, 1).tolist() == [0, 1, 2]
    shares = torch.tensor([[0.5, 0.0, 0.5]])
    assert columns(SOFTMAX).align_context('target', shares, 1).tolist() == [[0.5, 0.5]]
    images = columns(DETECTION).align_context('image_index', labels, 1)
    assert images is labels


def test_rows_of_classes_that_the_teacher_lacks_are_known() -> None:
    match = columns(DETECTION).match
    assert match.known_rows(torch.tensor([0, 1, 2, 3, 1])).tolist() == [0, 2, 3]
    shares = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.1, 0.0]])
    assert match.known_rows(shares).tolist() == [0]


def test_binary_makes_each_class_a_row_of_yes_and_no() -> None:
    found = columns(SIGMOID, 'binary')
    rows = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
    assert found.student(rows).tolist() == [[1, 0], [3, 0], [4, 0], [6, 0]]
    assert_allclose(
        found.student(rows).softmax(1)[:, 0], rows[:, [0, 2]].sigmoid().flatten()
    )
    target = found.align_context('target', torch.tensor([2, 3]), 2)  # b, background
    assert target.tolist() == [1, 0, 1, 1]
    assert found.align_context('image_index', torch.tensor([7, 8]), 2).tolist() == [
        7,
        7,
        8,
        8,
    ]


def test_same_classes_are_the_same_tensors() -> None:
    """Nothing is computed, so nothing can change or cost time."""
    found = Columns(DETECTION, ClassMatch.same(3))
    rows = torch.rand(2, 4)
    assert found.student(rows) is rows and found.teacher(rows) is rows


def test_half_precision_is_not_summed_in_half_precision() -> None:
    rows = torch.full((1, 5), 8.0, dtype=torch.float16)
    assert columns(DETECTION).teacher(rows).dtype == torch.float32


def test_mask_logits_are_questions_by_pixel() -> None:
    rows = torch.tensor([[1.0, 2], [3, 4]])
    assert Pixels().student(rows) is rows
    assert Pixels('binary').teacher(rows).tolist() == [[1, 0], [2, 0], [3, 0], [4, 0]]
    assert Pixels('binary').align_context(
        'rois', torch.tensor([[5], [6]]), 2
    ).tolist() == [*([5], [5], [6], [6])]


@pytest.mark.parametrize(
    ('teacher', 'activation', 'message'),
    [
        (
            ClassLogits(3, 'sigmoid', True),
            None,
            'a softmax with background and .* a sigm',
        ),
        (
            ClassLogits(3, 'softmax', False, True),
            None,
            r'teacher a softmax over.*Seesaw',
        ),
        (
            ClassLogits(4, 'softmax', True),
            None,
            r'3 classes and the teacher 4.*classes=',
        ),
        (DETECTION, 'binary', 'is for heads with a sigmoid per class'),
    ],
)
def test_what_has_no_common_meaning_is_refused(
    teacher: Any, activation: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Columns.of(DETECTION, teacher, None, activation)


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(ValueError, match='activation must be'):
        columns(SIGMOID, 'relu')
    with pytest.raises(ValueError, match='activation must be'):
        Pixels('relu')
