"""What a student without another model may compare, refused before training."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from torch import Tensor, nn

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.hearing import check_all_are_heard
from ckd_mm.engine.inherit import Inherit
from ckd_mm.engine.terms import build_terms
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import Itself, ModelTeacher, read_teachers

from ..adapters.detectors import faster_rcnn, one_stage


class Size(nn.Module):
    """Reads the student alone, of any kind of value."""

    def forward(self, student: Any) -> Tensor:
        levels = [student] if isinstance(student, Tensor) else student
        return sum(one.square().mean() for one in levels)  # type: ignore[return-value]

    def statistics(self, student: Any) -> dict[str, Tensor]:
        return dict(levels=torch.tensor(float(len(student))))


class Gap(nn.Module):
    """Takes no care of the teacher's gradient."""

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        return (student.mean() - teacher.mean()).square()


SIZE = dict(type='Size')
GAP = dict(type='Gap')
SP = dict(type='SPLoss')
LAYERS = dict(student='backbone.layer2', teacher='backbone.layer4')


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOSSES.module_dict, 'Size', Size)
    monkeypatch.setitem(LOSSES.module_dict, 'Gap', Gap)


def distiller(
    on: Any,
    loss: dict[str, Any],
    student: Any,
    *teachers: Any,
    weight: float = 1.0,
    data: str = 'labelled',
) -> Distiller:
    terms = build_terms(dict(one=dict(on=on, loss=loss, data=data)), len(teachers))
    return Distiller(student, teachers, terms, weight)


def losses_of(made: Distiller) -> dict[str, Any]:
    student: Any = made.maker.student.model
    batch = demo_mm_inputs(2, [[3, 64, 64]] * 2, num_classes=10)
    data = student.train().data_preprocessor(batch, True)
    with made.attached():
        losses: dict[str, Any] = student(**data, mode='loss')
    return losses


def test_a_loss_of_the_student_alone_reads_a_detector() -> None:
    losses = losses_of(distiller('neck', SIZE, faster_rcnn()))
    assert losses['loss_one'] > 0 and losses['loss_one'].requires_grad
    assert losses['one_levels'] == 5
    assert 'loss_rpn_cls' in losses


def test_a_loss_of_the_student_alone_runs_what_it_reads_without_labels() -> None:
    made = distiller('backbone', SIZE, faster_rcnn(), weight=0.0)
    assert set(losses_of(made)) == {'loss_one', 'one_levels'}


def test_a_loss_of_the_student_alone_reads_a_batch_without_labels() -> None:
    losses = losses_of(distiller('neck', SIZE, faster_rcnn(), data='unlabelled'))
    assert losses['loss_one'] > 0 and losses['loss_one'].requires_grad


def test_a_loss_of_the_student_alone_beside_one_with_a_teacher() -> None:
    student, teacher = one_stage('RetinaNet'), one_stage('RetinaNet', seed=1)
    terms = dict(
        alone=dict(on='module:backbone.layer4', loss=SIZE),
        pkd=dict(on='neck', loss=dict(type='PKDLoss')),
    )
    frozen = ModelTeacher(teacher.requires_grad_(False))
    losses = losses_of(Distiller(student, [frozen], build_terms(terms)))
    assert losses['loss_alone'] > 0 and losses['loss_pkd'] > 0


def test_a_deeper_layer_of_a_detector_teaches_without_gradient() -> None:
    student = faster_rcnn()
    runs: list[Any] = []
    student.backbone.register_forward_hook(lambda *step: runs.append(step))
    losses = losses_of(distiller(LAYERS, GAP, student, Itself()))
    assert len(runs) == 1
    losses['loss_one'].backward()
    assert student.backbone.layer2[0].conv1.weight.grad is not None
    assert student.backbone.layer3[0].conv1.weight.grad is None


def test_a_level_of_a_detector_teaches_another_one() -> None:
    on = dict(student='neck:0', teacher='neck:2')
    losses = losses_of(distiller(on, GAP, faster_rcnn(), Itself()))
    assert losses['loss_one'] > 0


@pytest.mark.parametrize(
    ('on', 'message'),
    [
        (LAYERS, "'one' reads the student alone, .* write on='module:backbone.layer2'"),
        ('roi_logits', "on='roi_logits' chooses rows, or runs modules, beside a teach"),
        ('neks', "unknown on='neks' .* did you mean 'neck'"),
    ],
)
def test_what_a_student_alone_does_not_have_is_refused(on: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        distiller(on, SIZE, faster_rcnn())


@pytest.mark.parametrize(
    ('on', 'message'),
    [
        ('neck', "on='neck' is the same layer of both, so the .* name a shallower and"),
        ('module:backbone.layer3', 'is the same layer of both'),
        (dict(student='neck:0', teacher='neck:0'), 'is the same layer of both'),
        (dict(student='neck:4', teacher='neck:-1'), 'is the same layer of both'),
        (
            dict(student='module:neck', teacher='neck:0'),
            "without module:; write on={'student': 'neck', 'teacher': 'neck:0'}",
        ),
        ('roi_logits', 'of which nothing runs twice, .*name a shallower and a deeper'),
    ],
)
def test_a_student_is_not_compared_with_the_same_layer(on: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        distiller(on, SP, faster_rcnn(), Itself())


@pytest.mark.parametrize(
    ('term', 'number', 'message'),
    [
        (
            dict(on='neck', loss=SP),
            0,
            "'one': SPLoss compares with a .* the hook has n",
        ),
        (
            dict(on='neck', loss=dict(type='FitNetLoss')),
            0,
            'FitNetLoss compares with a',
        ),
        (dict(on='neck', loss=SIZE, teacher=0), 1, 'Size reads .* leave teacher=0 out'),
        (
            dict(on='neck', loss=SIZE, average='values'),
            0,
            "average='values' is for sev",
        ),
        (dict(on='neck', loss=SP, teacher=1), 1, 'must be a number from 0 to 0'),
    ],
)
def test_teachers_that_a_term_cannot_hear_are_refused(
    term: dict[str, Any], number: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build_terms(dict(one=term), number)


def test_a_teacher_beside_losses_of_the_student_alone_is_refused() -> None:
    terms = build_terms(dict(one=dict(on='neck', loss=SIZE)))
    for teacher in (dict(config='x.py'), dict(previous_epoch='memory')):
        ((key, value),) = teacher.items()
        message = rf'compares with teacher 0 \({key}={value!r}\); leave it out'
        with pytest.raises(ValueError, match=message):
            check_all_are_heard(teacher, terms)
    check_all_are_heard(None, terms)


def test_nothing_is_inherited_from_no_teacher() -> None:
    with pytest.raises(
        ValueError, match='inherit needs a teacher .* the hook has none'
    ):
        Inherit.read(['neck'], [])


def test_the_key_and_the_type_name_the_same_teacher() -> None:
    assert read_teachers(None) == []
    by_key = read_teachers(dict(itself=True, weight=2.0))
    assert by_key == read_teachers(dict(type='ItselfTeacher', itself=True, weight=2.0))
    with pytest.raises(ValueError, match='itself must be True or False, got 1'):
        read_teachers(dict(itself=1))


@pytest.mark.parametrize(
    ('teacher', 'message'),
    [
        ('itself', "got 'itself'; write a dict with itself=True for"),
        ('memory', "got 'memory'; write a dict with previous_epoch='memory' or 'snaps"),
        (dict(itself=True, checkpoint='x'), 'only weight goes with it, got checkpoint'),
    ],
)
def test_a_teacher_that_is_no_model_is_named_by_its_key(
    teacher: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_teachers(teacher)
