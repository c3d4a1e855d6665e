"""The names of the classes of two models, and which are the same.

The student's names are those of its training data, the teacher's those of the data that
it was trained on, which its checkpoint has.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmengine.logging import print_log

from ckd_mm.adapters.core.class_match import ClassMatch, ClassSubset
from ckd_mm.registry import did_you_mean

__all__ = ['LISTS', 'ClassNames']

LISTS = ('classes', 'thing_classes')
"""Keys of `metainfo` that name classes. Heads for boxes know the things alone."""


@dataclass
class ClassNames:
    """The names of the classes of student and teacher.

    Args:
        student: The `metainfo` of the student's training data.
        teacher: That of the teacher's, as its checkpoint has it.
        class_map: What the student calls some classes of the teacher, by the teacher's
            name. If it is given, even empty, all other differences are meant.
        num_teacher: The number of the teacher's classes, of a cache without teacher.
        title: The teacher, for the log.

    Raises:
        ValueError: The map names a class that does not exist, or two by one name.
    """

    student: Mapping[str, Any]
    teacher: Mapping[str, Any]
    class_map: Mapping[str, str] | None = None
    num_teacher: int | None = None
    title: str = 'the teacher'
    _matches: dict[tuple[int, int], ClassMatch] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_map(self.class_map or {}, self.student, self.teacher)

    @property
    def differ(self) -> bool:
        """Whether any list of names is another one, or in another order."""
        return any(
            list(self.student.get(key, ())) != list(self.teacher.get(key, ()))
            for key in LISTS
        )

    def match(self, num_student: int, num_teacher: int) -> ClassMatch:
        """The classes in common of two heads, given the number of classes of each.

        Raises:
            ValueError: The number of names is not that of the classes, no class is in
                common, or as many classes have other names and the user does not say
                that this is meant.
        """
        key = (num_student, self.num_teacher or num_teacher)
        if key not in self._matches:
            self._matches[key] = self._matched(*key)
        return self._matches[key]

    def _matched(self, num_student: int, num_teacher: int) -> ClassMatch:
        student = _of_number(self.student, num_student, 'student')
        teacher = _of_number(self.teacher, num_teacher, 'teacher')
        renamed = self.class_map or {}
        known = [renamed.get(name, name) for name in teacher]
        if student == known:  # also with a name twice, as ImageNet has 'crane'
            return ClassMatch.same(len(student))
        _check_unique(student, known)
        common = [name for name in student if name in known]
        match = ClassMatch(
            ClassSubset(tuple(student.index(name) for name in common), len(student)),
            ClassSubset(tuple(known.index(name) for name in common), len(teacher)),
        )
        self._check(common, student, known)
        if not match.is_same:
            print_log(_summary(self.title, common, student, known), logger='current')
        return match

    def _check(
        self, common: Sequence[str], student: Sequence[str], teacher: Sequence[str]
    ) -> None:
        lists = (
            f'the student has {_first(_missing_in(teacher, student))} and the teacher '
            f'{_first(_missing_in(student, teacher))}'
        )
        ways = (
            "name the teacher's classes in their order with teacher=dict(classes=[...])"
            ', or join names that mean the same with '
            "teacher=dict(class_map={'TEACHER_NAME': 'STUDENT_NAME'})"
        )
        if not common:
            raise ValueError(
                f'no class of the teacher has the name of one of the student: {lists}'
                f'{_near(student, teacher)}; '
                f"{ways}; or compare feature maps (on='neck', on='backbone'), which "
                'need no classes'
            )
        as_many = len(student) == len(teacher) > len(common)
        if as_many and self.class_map is None:
            raise ValueError(
                f'student and teacher have {len(student)} classes each, but of other '
                f'names: {lists}{_near(student, teacher)}; {ways}. If the others '
                'do differ, say so with class_map={}'
            )


def _of_number(meta: Mapping[str, Any], number: int, whose: str) -> list[str]:
    """The list of names with one for each class of a head.

    Raises:
        ValueError: There is none.
    """
    lists = [list(meta[key]) for key in LISTS if key in meta]
    for names in lists:
        if len(names) == number:
            return names
    data, remedy = {
        'student': ('its training data name', 'set num_classes of its head'),
        'teacher': (
            'its checkpoint, or teacher=dict(classes=...), names',
            'name its classes with teacher=dict(classes=[...])',
        ),
    }[whose]
    raise ValueError(
        f'the {whose} has {number} classes, but {data} {len(lists[0])}: '
        f'{_first(lists[0])}; {remedy}'
    )


def _check_map(
    class_map: Mapping[str, str], student: Mapping[str, Any], teacher: Mapping[str, Any]
) -> None:
    if not isinstance(class_map, Mapping):
        raise ValueError(
            "teacher: class_map must be a dict such as {'person': 'pedestrian'}, the "
            f"teacher's name first, got {class_map!r}"
        )
    for whose, meta, names in (
        ('teacher', teacher, class_map.keys()),
        ('student', student, class_map.values()),
    ):
        known = [name for key in LISTS for name in meta.get(key, ())]
        for name in names:
            if name not in known:
                raise ValueError(
                    f'teacher: class_map names {name!r}, which is no class of the '
                    f'{whose}{did_you_mean(str(name), known)}'
                )
    twice = _repeated(list(class_map.values()))
    if twice:
        raise ValueError(
            f'teacher: class_map gives {twice} to several classes of the teacher; a '
            'class of the student has one of the teacher'
        )


def _check_unique(student: Sequence[str], teacher: Sequence[str]) -> None:
    """Check that a name in common is that of one class of each model."""
    common = {*student} & {*teacher}
    for whose, names in (('student', student), ('teacher', teacher)):
        twice = _repeated([name for name in names if name in common])
        if twice:
            raise ValueError(
                f'the classes of the {whose} have {twice} twice, so that it cannot be '
                "matched by name; tell them apart in the metainfo of the student's "
                'training data and with teacher=dict(classes=[...]), or leave out the '
                'entry of class_map that makes two alike'
            )


def _repeated(names: Sequence[str]) -> str:
    return ', '.join(sorted({repr(name) for name in names if names.count(name) > 1}))


def _summary(
    title: str, common: Sequence[str], student: Sequence[str], teacher: Sequence[str]
) -> str:
    """What was matched, for the log."""
    only_student = _missing_in(teacher, student)
    only_teacher = _missing_in(student, teacher)
    text = (
        f'Classes of {title}: matched by name are {len(common)} of the '
        f"student's {len(student)} and of the teacher's {len(teacher)}"
    )
    if only_student:
        text += (
            f'; the student learns {_first(only_student)} from its labels alone'
            f'{_near(only_student, only_teacher)}'
        )
    if not only_student and not only_teacher:
        text += ', which are brought into its order'
    return text


def _missing_in(known: Sequence[str], names: Sequence[str]) -> list[str]:
    """The names that are not among the known ones."""
    return [name for name in names if name not in known]


def _first(names: Sequence[str], most: int = 10) -> str:
    shown = ', '.join(map(repr, names[:most]))
    return shown + (f', ... ({len(names)} in all)' if len(names) > most else '')


def _near(student: Sequence[str], teacher: Sequence[str]) -> str:
    """Names that differ a little, perhaps in upper and lower case alone."""
    by_lower = {name.lower(): name for name in teacher if name not in student}
    found = [
        f'{by_lower[near]!r} and {name!r}'
        for name in student
        if name not in teacher
        for near in difflib.get_close_matches(name.lower(), by_lower, n=1)
    ]
    return f' (near each other: {_joined(found)})' if found else ''


def _joined(texts: Sequence[str], most: int = 5) -> str:
    return ', '.join(texts[:most]) + (', ...' if len(texts) > most else '')
