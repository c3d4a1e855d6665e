"""What runs in a step is decided before training."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from torch import nn

from ckd_mm.adapters import Pass, Plan, build_adapter
from ckd_mm.adapters.core.passes import BackboneMaps, FeatureMaps, WholeModel
from ckd_mm.engine.pairs import PairMaker
from ckd_mm.teachers import ModelTeacher, Request

from ..detectors import cascade_rcnn, faster_rcnn, one_stage


@dataclass(frozen=True)
class Named(Pass):
    name: str
    after: tuple[Pass, ...] = ()

    @property
    def needs(self) -> tuple[Pass, ...]:
        return self.after


def test_each_pass_is_in_a_plan_once_and_after_what_it_needs() -> None:
    first, second = Named('first'), Named('second')
    last = Named('last', (second, first))
    plan = Plan([last, first, last])
    assert plan.passes == (second, first, last)


def test_a_pass_that_runs_more_replaces_one_that_runs_less() -> None:
    model: Any = nn.Identity()
    maps, features = BackboneMaps(model), FeatureMaps(model)
    assert Plan([maps, features]).passes == (features,)
    assert Plan([maps, features, WholeModel(model)]).passes == (WholeModel(model),)


def kinds(student: BaseModel, teacher: BaseModel, *on: Any) -> list[str]:
    """The passes of a plan for these terms."""
    adapter = build_adapter(student, teacher)
    terms = {str(one): adapter.bind(str(one), one, ()) for one in on}
    passes = itertools.chain.from_iterable(adapter.passes(terms).values())
    return [type(one).__name__ for one in Plan(passes).passes]


@pytest.mark.parametrize(
    ('on', 'expected'),
    [
        (['backbone'], ['BackboneMaps']),
        (['backbone', 'neck'], ['FeatureMaps']),
        (['rpn_logits'], ['FeatureMaps', 'RPNHead']),
        (['roi_logits'], ['FeatureMaps', 'RoIFeatures', 'HeadsBeside', 'RoIHeads']),
        (
            ['roi_logits', 'embedding', 'module:roi_head.bbox_head.fc_cls'],
            ['FeatureMaps', 'RoIFeatures', 'HeadsBeside', 'RoIHeads'],
        ),
        (
            [dict(part='roi_logits', rois='proposals')],
            [
                *('_Proposals', 'ProposedInStudent'),
                *('FeatureMaps', 'RoIFeatures', 'HeadsBeside', 'ProposedInTeacher'),
            ],
        ),
    ],
)
def test_a_two_stage_teacher_runs_as_far_as_its_terms_need(
    on: list[Any], expected: list[str]
) -> None:
    student, teacher = faster_rcnn(), faster_rcnn(seed=1)
    assert sorted(kinds(student, teacher, *on)) == sorted(expected)


def test_each_stage_of_a_cascade_is_one_pass() -> None:
    found = kinds(cascade_rcnn(), cascade_rcnn(seed=1), 'roi_logits', 'roi_boxes')
    assert found.count('RoIHeads') == 3


def test_a_one_stage_teacher_runs_as_a_whole_only_for_other_modules() -> None:
    student, teacher = one_stage('FCOS'), one_stage('FCOS', seed=1)
    head = 'module:bbox_head.cls_convs.0'
    assert kinds(student, teacher, 'neck') == ['FeatureMaps']
    assert kinds(student, teacher, head) == ['FeatureMaps', 'Head']
    student.other, teacher.other = nn.Identity(), nn.Identity()
    assert kinds(student, teacher, head, 'module:other') == ['WholeModel']


def test_no_module_name_is_looked_at_while_a_step_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The plan is the same object before and after, and adapters are gone."""
    student, teacher = faster_rcnn(), faster_rcnn(seed=1).requires_grad_(False)
    maker = PairMaker(student, [ModelTeacher(teacher)], {'x': Request('roi_logits')})
    (view,) = maker.views
    held = [type(one).__name__ for one in vars(view).values()]
    assert not any(name.endswith('Adapter') for name in held)
    assert 'Plan' in held


def test_no_code_of_a_step_decodes_module_names() -> None:
    """`startswith` is called on class names and at set-up alone."""
    root = Path(__file__).parents[3]
    found = [
        f'{path.name}: {line.strip()}'
        for path in (root / 'ckd_mm' / 'adapters').rglob('*.py')
        for line in path.read_text().splitlines()
        if '.startswith(' in line
    ]
    allowed = {
        "build.py: known.sort(key=lambda cls: cls.__module__.startswith('ckd_mm.'))",
        "parts.py: return isinstance(on, str) and on.startswith('module:')",
        "loss_fit.py: if columns.kind.startswith('a sigmoid'):",
        "stages.py: is_mask = module.startswith('roi_head.mask')",
    }
    assert set(found) <= allowed, sorted(set(found) - allowed)


def test_the_student_is_recorded_once_beside_several_teachers_and_none() -> None:
    student = faster_rcnn()
    teachers = [
        ModelTeacher(faster_rcnn(seed=seed).requires_grad_(False)) for seed in (1, 2, 3)
    ]
    requests = {'a': Request('roi_logits'), 'b': Request('neck')}
    numbers = []
    for count in (1, 3):
        maker = PairMaker(student, teachers[:count], requests)
        maker.attach(lambda *_: None, lambda losses: losses)
        numbers.append(
            sum(
                len(module._forward_hooks) + len(module._forward_pre_hooks)
                for module in student.modules()
            )
        )
        maker.detach()
    assert numbers[0] == numbers[1] > 0
    nothing = PairMaker(student, [], {})
    assert nothing.views == []
    assert nothing.student.recorder.taps == ()


def test_what_the_student_proposes_is_scored_once_for_several_teachers() -> None:
    student = faster_rcnn()
    teachers = [
        ModelTeacher(faster_rcnn(seed=seed).requires_grad_(False)) for seed in (1, 2)
    ]
    calls: list[int] = []
    handle = student.roi_head.bbox_head.register_forward_hook(
        lambda *_: calls.append(1)
    )
    on = dict(part='roi_logits', rois='proposals', num_rois=5)
    maker = PairMaker(student, teachers, {'x': Request(on, ('image_index',))})
    pair = maker.pairs(demo_mm_inputs(2, [[3, 64, 64]] * 2, num_classes=10))['x']
    handle.remove()
    assert len(calls) == 2, 'its own RoIs, and those proposed'
    assert isinstance(pair.student, torch.Tensor)
    assert pair.student.shape == (10, pair.student.shape[1])


def test_a_term_that_does_not_act_in_a_step_runs_nothing() -> None:
    """Neither the teacher's head nor the student's second pass, beside another term."""
    student, teacher = faster_rcnn(), faster_rcnn(seed=1).requires_grad_(False)
    on = dict(part='roi_logits', rois='proposals', num_rois=5)
    terms = {'maps': 'neck', 'rois': on}
    maker = PairMaker(
        student,
        [ModelTeacher(teacher)],
        {name: Request(on, ()) for name, on in terms.items()},
    )
    ran: list[str] = []
    for whose, model in (('student', student), ('teacher', teacher)):
        for name in ('backbone', 'roi_head.bbox_head'):
            model.get_submodule(name).register_forward_hook(
                lambda *_, said=f'{whose} {name}': ran.append(said)
            )
    batch = demo_mm_inputs(2, [[3, 64, 64]] * 2, num_classes=10)
    data = student.data_preprocessor(batch, True)

    def step(acting: list[str]) -> list[str]:
        ran.clear()
        made: dict[str, Any] = {}

        def after(one: Any, losses: Any) -> Any:
            for view in maker.views_of(acting):
                view.run_teacher(one)
                view.rerun_student(one)
            made.update({name: maker.pairs_of(name, one)[0] for name in acting})
            maker.forget()
            return losses

        maker.attach(lambda *found: maker.start(found[0], found[1], acting), after)
        student(**data, mode='loss')
        maker.detach()
        assert made.keys() == set(acting)
        return sorted(ran)

    stock = ['student backbone', 'student roi_head.bbox_head']
    both = sorted(
        [*stock, *stock[1:], 'teacher backbone', 'teacher roi_head.bbox_head']
    )
    assert step(['maps']) == [*stock, 'teacher backbone']
    assert step(['maps', 'rois']) == both
    assert step([]) == stock
    assert step(['rois']) == both
