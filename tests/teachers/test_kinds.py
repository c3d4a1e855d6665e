"""Kinds of teachers: by a key as always, or by `type`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from mmengine.runner import Runner

from ckd_mm.registry import TEACHERS
from ckd_mm.teachers import (
    CachedTeacher,
    EMATeacher,
    Speed,
    TeacherKind,
    ZooTeacher,
    read_teachers,
)


@pytest.fixture
def kind() -> Iterator[type[TeacherKind]]:
    """A kind of somebody else's, with options of its own."""

    @TEACHERS.register_module()
    @dataclass(frozen=True)
    class Oracle(TeacherKind):
        answers: int = 42
        weight: float = 1.0

        def build(self, runner: Runner, device: torch.device) -> Any:
            raise NotImplementedError

    yield Oracle
    TEACHERS.module_dict.pop('Oracle')


@pytest.mark.parametrize(
    ('by_key', 'by_type'),
    [
        (dict(config='x.py'), dict(type='ZooTeacher', config='x.py')),
        (
            dict(config='x.py', dtype='bfloat16', evaluate=True),
            dict(type='ZooTeacher', config='x.py', dtype='bfloat16', evaluate=True),
        ),
        (dict(ema=True, weight=2.0), dict(type='EMATeacher', ema=True, weight=2.0)),
        (dict(cache='c'), dict(type='CachedTeacher', cache='c')),
    ],
)
def test_a_key_stands_for_its_type(
    by_key: dict[str, Any], by_type: dict[str, Any]
) -> None:
    assert read_teachers(by_key) == read_teachers(by_type)


def test_options_of_other_kinds_at_their_defaults_are_no_mistake() -> None:
    """A config that others inherit may name them all."""
    said = dict(config='x.py', ema=False, cache=None, checkpoint=None)
    assert read_teachers(said) == [ZooTeacher(config='x.py')]
    said = dict(config=None, ema=True, evaluate=False, fuse_bn=False)
    assert read_teachers(said) == [EMATeacher(ema=True)]
    assert read_teachers(dict(cache='c', dtype=None)) == [CachedTeacher(cache='c')]


def test_options_of_speed_stand_beside_the_others() -> None:
    (found,) = read_teachers(dict(config='x.py', dtype='float16', stream=True))
    assert found == ZooTeacher(config='x.py', speed=Speed(dtype='float16', stream=True))


def test_a_kind_of_somebody_else_is_named_by_its_type(kind: type[TeacherKind]) -> None:
    assert read_teachers(dict(type='Oracle', answers=3)) == [
        kind(answers=3)  # type: ignore[call-arg]
    ]
    with pytest.raises(ValueError, match="unknown teacher 'Oracel'; did you mean"):
        read_teachers(dict(type='Oracel'))
    with pytest.raises(ValueError, match="type='Oracle' does not take dtype; "):
        read_teachers(dict(type='Oracle', dtype='float16'))


@pytest.mark.parametrize('weight', [-3, 0, 'a', None])
def test_the_weight_of_every_kind_is_checked(
    kind: type[TeacherKind], weight: Any
) -> None:
    with pytest.raises(ValueError, match='teacher: weight must be'):
        read_teachers([dict(config='x.py'), dict(type='Oracle', weight=weight)])


def test_a_class_is_a_type_as_its_name_is(kind: type[TeacherKind]) -> None:
    assert read_teachers(dict(type=kind, answers=3)) == read_teachers(
        dict(type='Oracle', answers=3)
    )


def test_its_outputs_cannot_be_cached_unless_it_says_so(
    kind: type[TeacherKind],
) -> None:
    assert not kind.can_be_cached and ZooTeacher.can_be_cached
    with pytest.raises(ValueError, match='outputs of a Oracle cannot be cached'):
        kind().identity(None)  # type: ignore[arg-type]
    assert kind().files() == [] and kind().check() is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ('said', 'message'),
    [
        (dict(), 'needs either .* got nothing'),
        (dict(config='x', ema=True), "got config='x' and ema=True"),
        (dict(conifg='x'), "no option 'conifg'; did you mean 'config'"),
        (dict(cache='c', dtype='float16'), "cache='c' stands for .* got dtype"),
        (dict(ema=True, checkpoint='y'), 'ema=True is the .* got checkpoint'),
        (dict(cache=3), 'cache must be a path, got 3'),
        ('x.py', 'must be a dict with a config'),
        ([], 'one teacher at least'),
        (dict(type='ZooTeacher', checkpoint='y'), 'config must be a path, .* got None'),
    ],
)
def test_what_cannot_be_meant_is_refused(said: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_teachers(said)


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (dict(evaluate=True), 'does not take evaluate; .*leave it out.*config=...'),
        (dict(classes=['a']), 'does not take classes; .*leave it out.*config=...'),
        (dict(inpt_size=0.5), "does not take inpt_size; did you mean 'input_size'"),
        (dict(ema=True), 'does not take ema; '),
    ],
)
@pytest.mark.parametrize('library', ['timm', 'transformers', 'torchvision'])
def test_an_option_that_a_foreign_teacher_does_not_have(
    library: str, option: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"type='{library}' {message}") as raised:
        read_teachers(dict(type=library, model='x', weight=2.0, **option))
    assert '__init__' not in str(raised.value)
    assert 'weight=2.0' not in str(raised.value)


@pytest.mark.parametrize(
    ('teacher', 'message'),
    [
        ('timm::vit_tiny', r"got 'timm::vit_tiny'; write dict\(type='timm', model='v"),
        ('mmdet::a/b.py', r"; write dict\(config='mmdet::a/b.py'\)"),
        ('resnet.py', r"; write dict\(config='resnet.py'\)"),
        (3, r'got 3; write dict\(config=PATH\)'),
    ],
)
def test_a_teacher_that_is_a_name_is_shown_as_a_dict(
    teacher: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_teachers(teacher)
