"""Methods are compared under one schedule, each with the setting of its authors."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .catalog import DISTILLED, RECIPES, base_of_student, distilling_hook

METHODS = {'ckd', 'kd', 'dkd', 'reviewkd', 'ckd-reviewkd'}  # of every pair
REVIEWKD = ('mid_channels', 'loss_weight')
CATKD = ('size', 'normalize', 'loss_weight')

# What a method's authors set for each pair of models. All else is one per folder.
SET_PER_PAIR: dict[str, dict[str, tuple[str, ...]]] = {
    'mmdet/faster_rcnn': {'reviewkd': ('loss_weight',)},
    'mmdet/mask_rcnn': {'reviewkd': ('loss_weight',)},
    # By the strides of the teacher's FPN; the authors' weight depends on the teacher.
    'mmdet/retinanet': {'pkd': ('on', 'loss_weight')},
    'mmpretrain/cifar100': {
        'ckd': ('temperature', 'loss_weight'),
        'dkd': ('beta',),
        'reviewkd': ('on', *REVIEWKD),
        'catkd': CATKD,
    },
    'mmpretrain/imagenet': {
        'dkd': ('beta',),
        'reviewkd': REVIEWKD,
        'catkd': CATKD,
    },
    'mmpretrain/places365': {'dkd': ('beta',), 'reviewkd': REVIEWKD},
}


OF_ZOOS = [path for path in DISTILLED if '/dinov3/' not in path]
"""A teacher of another library has levels and a size for each kind of student."""


class Name(NamedTuple):
    """The parts of a config's path."""

    folder: str
    method: str
    models: str
    schedule: str


def name_of(path: str) -> Name:
    method, models, *schedule, _ = Path(path).stem.split('_')
    folder = '/'.join(Path(path).parts[1:-1])  # below configs/
    return Name(folder, method, models, '_'.join(schedule))


def setting(path: str) -> dict[str, Any]:
    """The hook without its teacher and without what may differ between pairs."""
    options = SET_PER_PAIR.get(name_of(path).folder, {})
    hook = copy.deepcopy(distilling_hook(path))
    hook.pop('teacher', None)
    hook.pop('peers', None)
    hook.pop('inherit', None)  # where the teacher has heads of the student's shape
    for name, term in hook['distill'].items():
        for option in options.get(name, ()):
            (term if option in term else term['loss']).pop(option)
    return hook


@pytest.mark.parametrize('path', OF_ZOOS)
def test_a_method_has_one_setting_for_all_pairs_of_a_folder(path: str) -> None:
    """But for what its authors set for each pair."""
    folder, method, *_ = name_of(path)
    same = [other for other in OF_ZOOS if name_of(other)[:2] == (folder, method)]
    assert setting(path) == setting(same[0])


@pytest.mark.parametrize('path', OF_ZOOS)
def test_a_pair_has_one_teacher_and_setting_under_all_schedules(path: str) -> None:
    name = name_of(path)
    same = [other for other in OF_ZOOS if name_of(other)[:3] == name[:3]]
    assert distilling_hook(path) == distilling_hook(same[0])


@pytest.mark.parametrize('path', DISTILLED)
def test_all_methods_of_a_pair_and_schedule_have_one_student(path: str) -> None:
    folder, _, models, schedule = name_of(path)
    same = [
        other
        for other in DISTILLED
        if name_of(other)._replace(method='') == (folder, '', models, schedule)
    ]
    assert base_of_student(path) == base_of_student(same[0])


@pytest.mark.parametrize(
    'path', [path for path in RECIPES if name_of(path).method == 'ckd-reviewkd']
)
def test_ckd_and_reviewkd_together_are_what_they_are_alone(path: str) -> None:
    """So what one adds to the other is seen beside their configs."""
    ckd, reviewkd = (
        distilling_hook(path.replace('/ckd-reviewkd_', f'/{method}_'))
        for method in ('ckd', 'reviewkd')
    )
    terms = reviewkd['distill'] | ckd['distill']
    assert distilling_hook(path) == reviewkd | dict(distill=terms)
    assert distilling_hook(path) == ckd | dict(distill=terms)


@pytest.mark.parametrize('folder', sorted({*SET_PER_PAIR} - {'mmdet/retinanet'}))
def test_every_pair_has_the_same_methods_under_every_schedule(folder: str) -> None:
    names = {name_of(path) for path in RECIPES if name_of(path).folder == folder}
    pairs = {(name.models, name.schedule) for name in names}
    for models, schedule in pairs:
        if models.startswith('cascade'):
            continue  # ReviewKD's authors have no weight for this teacher
        there = {name.method for name in names if name[2:] == (models, schedule)}
        assert there >= METHODS, (models, schedule)
