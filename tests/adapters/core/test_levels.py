"""The option `levels`: some of the maps of a neck or a backbone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from torch import nn

from ckd_mm.adapters import build_adapter
from ckd_mm.commands.inspection import find_parts

from ..detectors import faster_rcnn
from ..pairs import pairs


@pytest.fixture(scope='module')
def models() -> tuple[BaseModel, BaseModel]:
    return faster_rcnn(0), faster_rcnn(1).requires_grad_(False)


def some(levels: Any, part: str = 'neck') -> dict[str, Any]:
    return dict(part=part, levels=levels)


def test_the_levels_that_are_named_are_compared_in_their_order(
    models: tuple[BaseModel, BaseModel],
) -> None:
    batch = demo_mm_inputs(2, [[3, 64, 64]] * 2, num_classes=10)
    chosen = {'neck': [0, 1, 2, 3], 'backbone': [-1, 0]}
    terms: dict[str, Any] = {part: (part, ()) for part in chosen}
    for part, levels in chosen.items():
        terms[f'some {part}'] = (some(levels, part), ('boxes',))
    found = pairs(*models, batch, terms)
    for part, levels in chosen.items():
        for whose in ('student', 'teacher'):
            every, few = found[part][whose], found[f'some {part}'][whose]
            assert [id(one) for one in few] == [id(every[level]) for level in levels]
        assert len(found[f'some {part}']['boxes']) == 2


@pytest.mark.parametrize(
    ('levels', 'message'),
    [
        ([0, 5], r'the student has 5 levels, 0 to 4, and no level 5'),
        ([-6], r'the student has 5 levels, 0 to 4, and no level -6'),
        ([1, 1], 'must name each level once'),
        ([4, -1], r'levels=\[4, 4\] must name each level once'),
        ([], 'must be a list of the numbers of levels'),
        ('0-3', 'must be a list of the numbers of levels'),
        (3, 'must be a list of the numbers of levels'),
        ([0, True], 'must be a list of the numbers of levels'),
    ],
)
def test_levels_that_are_not_there_are_refused_before_training(
    levels: Any, message: str, models: tuple[BaseModel, BaseModel]
) -> None:
    adapter = build_adapter(*models)
    with pytest.raises(ValueError, match=f"term 'maps': on: part 'neck': .*{message}"):
        adapter.bind('maps', some(levels), ())


def test_the_teacher_is_named_where_it_has_fewer_levels() -> None:
    student, teacher = faster_rcnn(), faster_rcnn(seed=1)
    teacher.neck.num_outs = 3
    with pytest.raises(ValueError, match='but the teacher has 3 levels'):
        build_adapter(student, teacher).bind('maps', some([3]), ())


def test_the_first_step_refuses_them_where_a_neck_does_not_say_how_many_it_has() -> (
    None
):
    batch = demo_mm_inputs(1, [[3, 64, 64]], num_classes=10)
    both = [faster_rcnn(), faster_rcnn(seed=1)]
    for one in both:
        one.neck = Unsized(one.neck)
    with pytest.raises(ValueError, match='the student has 5 levels, 0 to 4'):
        pairs(both[0], both[1], batch, {'maps': (some([-6]), ())})


def test_one_level_that_is_not_there_names_the_term_and_the_model(
    models: tuple[BaseModel, BaseModel],
) -> None:
    on = dict(student='neck:5', teacher='neck:0')
    message = "term 'maps': 'neck:5' is not there: neck has 5 .*, in FasterRCNN"
    with pytest.raises(ValueError, match=message):
        build_adapter(*models).bind('maps', on, ())


class Unsized(nn.Module):
    def __init__(self, neck: nn.Module) -> None:
        super().__init__()
        self.inner = neck

    def forward(self, maps: Any) -> tuple[torch.Tensor, ...]:
        return tuple(self.inner(maps))


def test_parts_of_rows_have_no_levels(models: tuple[BaseModel, BaseModel]) -> None:
    with pytest.raises(ValueError, match="'roi_logits' has no option 'levels'"):
        build_adapter(*models).bind('x', some([0], 'roi_logits'), ())


def test_the_inspection_lists_the_option(models: tuple[BaseModel, BaseModel]) -> None:
    options = {one.on: one.options for one in find_parts(*models, None)}
    assert options['neck'] == options['backbone'] == {'levels': None}
    assert 'levels' not in options['roi_logits']
