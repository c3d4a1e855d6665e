"""The teacher's last weights, which WKD-L reads beside the logits of classifiers."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import Term, build_terms
from ckd_mm.functional import class_distances, wkdl_loss
from ckd_mm.teachers import ModelTeacher

from .pairs import pair
from .test_cam import batch, classifier

NAME = 'teacher_classifier'


def terms(on: Any = 'logits', **options: Any) -> list[Term]:
    return build_terms(dict(x=dict(on=on, loss=dict(type='WKDLLoss', **options))))


def distilled(
    student: BaseModel, *teachers: BaseModel, on: Any = 'logits'
) -> Distiller:
    return Distiller(student, [ModelTeacher(one) for one in teachers], terms(on))


def test_the_loss_of_a_step_has_the_distances_of_the_teachers_weights() -> None:
    student, teacher = classifier(), classifier(width=6).requires_grad_(False)
    distiller = distilled(student, teacher)
    found = distiller.pairs(batch())['x'].arguments()
    assert torch.equal(found[NAME], teacher.head.fc.weight)
    with distiller.attached():
        data = student.data_preprocessor(batch(), True)
        losses = student(**data, mode='loss')
    expected = wkdl_loss(
        found['student'],
        found['teacher'],
        torch.arange(3),
        class_distances(teacher.head.fc.weight),
    )
    torch.testing.assert_close(losses['loss_x'], expected)
    losses['loss_x'].backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_rows_of_weights_are_of_the_classes_in_common_in_the_students_order() -> None:
    """Whatever images are left out, whose class the teacher lacks."""
    student, teacher = classifier(3), classifier(4, width=6)
    names = ClassNames(
        dict(classes=['a', 'b', 'c']), dict(classes=['c', 'x', 'a', 'y']), {}
    )
    given = pair(student, teacher, batch(), 'logits', NAME, 'target', names=names)
    assert len(given['student']) == 2
    assert torch.equal(given[NAME], teacher.head.fc.weight[[2, 0]])


SEVERAL = dict(type='MultiLabelLinearClsHead', num_classes=5, in_channels=32)


def test_binary_columns_have_no_weights() -> None:
    models = [classifier(head=SEVERAL) for _ in range(2)]
    on = dict(part='logits', activation='binary')
    with pytest.raises(ValueError, match=r"'binary' the columns are .*'softmax'; com"):
        distilled(*models, on=on)
    distilled(*models, on=on | dict(activation='softmax'))


@pytest.mark.parametrize('on', ['embedding', 'module:head'])
def test_where_there_are_no_weights_the_error_has_ways_out(on: str) -> None:
    model = classifier()
    message = "needs 'teacher_classifier', .*; compare on='logits' .* a table"
    with pytest.raises(ValueError, match=message):
        distilled(model, deepcopy(model), on=on)


def test_a_teacher_without_one_layer_of_its_classes_is_named() -> None:
    teacher: Any = classifier()
    teacher.head.fc = torch.nn.Sequential(torch.nn.Linear(32, 5), torch.nn.Linear(5, 7))
    with pytest.raises(ValueError, match='does not end in one linear layer of 5 class'):
        distilled(classifier(), teacher)


def test_a_table_needs_no_weights_and_two_teachers_have_none_in_common() -> None:
    models = [classifier(), classifier(width=6), classifier(width=6)]
    with pytest.raises(ValueError, match='asks for .teacher_classifier. of a'):
        distilled(*models)
    table = terms(distances=(1 - torch.eye(5)).tolist())
    Distiller(models[0], [ModelTeacher(one) for one in models[1:]], table)
