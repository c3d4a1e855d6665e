"""What a ranking may say, and what is refused before anything is scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ckd_mm.ranking import read_ranking

Write = Callable[..., Path]
OfWidth = Callable[..., dict[str, Any]]


def test_the_data_are_those_of_the_first_model_unless_named(
    write: Write, of_width: OfWidth
) -> None:
    students = dict(a=of_width(2), b=of_width(4))
    ranking = read_ranking(write(students=students, teacher=of_width(8)), 'students')
    assert ranking.data is ranking.models['a'].cfg
    assert ranking.models['b'].cfg.model.head.in_channels == 32
    assert ranking.reference is not None and ranking.reference.checkpoint is None


def test_mistakes_are_one_sentence(write: Write, of_width: OfWidth) -> None:
    two = dict(a=of_width(2), b=of_width(4))
    gone = dict(a=of_width(2), b=of_width(4, checkpoint='gone.pth'))
    deep = dict(a=of_width(2), b=of_width(4))
    deep['b']['cfg_options']['model.backbone.depth'] = 19
    for kind, entries, message in (
        ('students', dict(students=two), 'has no teacher; add teacher=dict'),
        ('students', dict(student=two), "no 'student'; did you mean 'students'"),
        ('teachers', dict(teachers=dict(a=of_width(2))), 'two models at least'),
        ('teachers', dict(teachers=[1, 2]), 'teachers must be a dict with two'),
        ('teachers', dict(teachers=dict(a=1, b=2)), "'a' must be a dict with a config"),
        (
            'teachers',
            dict(teachers=dict(a=dict(config='x.py', chekpoint=''), b=2)),
            "'a' has no 'chekpoint'; did you mean 'checkpoint'",
        ),
        ('teachers', dict(teachers=gone), "'b': checkpoint .* 'gone.pth'; train it fi"),
        (
            'teachers',
            dict(teachers=dict(a=of_width(2, checkpoint=3), b=of_width(2))),
            "'a': checkpoint must be a file, .* got 3; train it first",
        ),
        ('teachers', dict(teachers=deep), "'b': building the model of .*depth 19"),
        ('teachers', dict(teachers={1: {}, 2: {}}), 'of one of teachers must be a str'),
        (
            'teachers',
            dict(teachers=dict(a=of_width(2) | dict(cfg_options='x'), b=2)),
            "'a': cfg_options must be a dict",
        ),
        ('teachers', dict(teachers=two, data=dict(a=1)), 'data must be the path of a'),
        ('teachers', dict(teachers=two, data='x.py'), "data: 'x.py' cannot be read"),
    ):
        with pytest.raises(ValueError, match=message):
            read_ranking(write(**entries), kind)


def test_classifiers_and_detectors_are_not_ranked_together(
    write: Write, of_width: OfWidth, detector_teacher: dict[str, Any]
) -> None:
    both = dict(a=of_width(2), b=dict(config=detector_teacher['config']))
    with pytest.raises(ValueError, match='but a is of mmpretrain and b of mmdet; rank'):
        read_ranking(write(students=both, teacher=of_width(8)), 'students')


def test_models_with_other_classes_are_refused(write: Write, of_width: OfWidth) -> None:
    seven = of_width(4)
    seven['cfg_options']['model.head.num_classes'] = 7
    with pytest.raises(ValueError, match='but a has 10 and b has 7; rank those of one'):
        read_ranking(write(teachers=dict(a=of_width(2), b=seven)), 'teachers')
    two = dict(a=of_width(2), b=of_width(4))
    with pytest.raises(ValueError, match='a has 10 and the teacher has 7'):
        read_ranking(write(students=two, teacher=seven), 'students')
    names = [str(number) for number in range(10)]
    for entry, order in zip(two.values(), (names, names[::-1]), strict=True):
        meta = dict(classes=order)
        entry['cfg_options']['train_dataloader.dataset.metainfo'] = meta
    with pytest.raises(ValueError, match='in one order, but those of a and b differ'):
        read_ranking(write(teachers=two), 'teachers')
