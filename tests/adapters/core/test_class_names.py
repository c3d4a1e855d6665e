"""Which classes are the same, by their names alone."""

from __future__ import annotations

from typing import Any

import pytest
from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

from ckd_mm.adapters.core.class_names import ClassNames

ANIMALS = ['cat', 'dog', 'bird', 'fish']


def names(student: Any, teacher: Any, class_map: Any = None) -> ClassNames:
    return ClassNames(dict(classes=student), dict(classes=teacher), class_map)


def matched(
    student: list[str], teacher: list[str], class_map: Any = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    match = names(student, teacher, class_map).match(len(student), len(teacher))
    return match.student.indices, match.teacher.indices


@pytest.mark.parametrize(
    ('student', 'teacher', 'expected'),
    [
        (ANIMALS, ANIMALS, ((0, 1, 2, 3), (0, 1, 2, 3))),
        (ANIMALS, ANIMALS[::-1], ((0, 1, 2, 3), (3, 2, 1, 0))),
        (['fish', 'dog'], ANIMALS, ((0, 1), (3, 1))),
        (ANIMALS, ['cow', 'fish', 'dog'], ((1, 3), (2, 1))),
    ],
    ids=['same', 'other order', 'teacher knows more', 'student knows more'],
)
def test_classes_are_matched_in_the_order_of_the_student(
    student: list[str], teacher: list[str], expected: Any
) -> None:
    assert matched(student, teacher) == expected


def test_a_name_may_stand_twice_where_nothing_has_to_be_matched() -> None:
    """ImageNet has a crane that flies and one that lifts."""
    twice = ['crane', 'kite', 'crane']
    assert matched(twice, twice) == ((0, 1, 2), (0, 1, 2))
    assert matched(['kite', 'owl'], [*twice, 'x']) == ((0,), (1,))
    with pytest.raises(ValueError, match="of the teacher have 'crane' twice, so that"):
        matched(['crane', 'kite'], twice)
    with pytest.raises(ValueError, match="of the student have 'crane' twice, so that"):
        matched(twice, ['kite', 'crane', 'x'])


def test_the_names_of_imagenet_match_themselves() -> None:
    found = names(IMAGENET_CATEGORIES, list(IMAGENET_CATEGORIES)).match(1000, 1000)
    assert found.is_same


def test_a_map_joins_names_and_says_that_the_rest_differs() -> None:
    student, teacher = ['pedestrian', 'car', 'tree'], ['car', 'person', 'bus']
    assert matched(student, teacher, {'person': 'pedestrian'}) == ((0, 1), (1, 0))
    assert matched(['a', 'b'], ['a', 'c'], {}) == ((0,), (0,))


def test_a_head_for_things_takes_the_names_of_things() -> None:
    student = dict(classes=['cat', 'dog', 'sky'], thing_classes=['cat', 'dog'])
    found = ClassNames(student, dict(classes=['dog', 'cat']))
    assert found.match(2, 2).teacher.indices == (1, 0)


@pytest.mark.parametrize(
    ('student', 'teacher', 'class_map', 'message'),
    [
        (
            ['a', 'b'],
            ['a', 'c'],
            None,
            r"2 classes each.*has 'b' and the teacher 'c'.*classes=\[.*class_map",
        ),
        (
            ['motorcycle', 'b'],
            ['motorbike', 'b'],
            None,
            "near each other: 'motorbike' and 'motorcycle'",
        ),
        (['a'], ['b', 'c'], None, "no class of the teacher.*'a'.*'b', 'c'.*on='neck'"),
        (
            ['Person', 'CAR'],
            ['person'],
            None,
            r"\(near each other: 'person' and 'Person'",
        ),
        (
            ['a'],
            ['person'],
            {'persn': 'a'},
            "names 'persn', which is no class of the teacher; did you mean 'person'",
        ),
        (
            ['pedestrian'],
            ['person'],
            {'person': 'pedestrians'},
            "no class of the student; did you mean 'pedestrian'",
        ),
        (['a', 'b'], ['c', 'd'], {'c': 'a', 'd': 'a'}, "gives 'a' to several classes"),
        (['a', 'b'], ['a', 'b'], {'b': 'a'}, "of the teacher have 'a' twice"),
        (['a'], ['a'], ['a'], 'class_map must be a dict'),
    ],
)
def test_what_cannot_be_meant_is_refused(
    student: Any, teacher: Any, class_map: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        matched(student, teacher, class_map)


def test_names_must_be_as_many_as_the_head_has_classes() -> None:
    given = names(['a', 'b'], ['a', 'b', 'c'])
    with pytest.raises(
        ValueError, match='student has 3 classes, but its training data'
    ):
        given.match(3, 3)
    with pytest.raises(ValueError, match='teacher has 4 classes, but its checkpoint'):
        given.match(2, 4)


def test_lists_differ_by_name_and_by_order() -> None:
    assert not names(ANIMALS, ANIMALS).differ
    assert names(ANIMALS, ANIMALS[::-1]).differ
    assert names(ANIMALS, ANIMALS[:2]).differ
