"""`on='cam'`: class activation maps of classifiers of MMPretrain."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample
from torch import nn

import ckd_mm  # noqa: F401 (registers)
from ckd_mm.adapters import ClassificationAdapter, Unavailable, build_adapter
from ckd_mm.adapters.core.activation_maps import activation_maps
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import ModelTeacher
from ckd_mm.teachers.cacheable import part_name

from .pairs import pair


def classifier(num_classes: int = 5, width: int = 4, **changes: Any) -> BaseModel:
    """A narrow ResNet-18, whose weights and bias are random."""
    backbone = dict(type='ResNet_CIFAR', depth=18, num_stages=4, out_indices=(3,))
    head = dict(type='LinearClsHead', num_classes=num_classes, in_channels=8 * width)
    head['loss'] = dict(type='CrossEntropyLoss')
    model = dict(
        type='ImageClassifier',
        data_preprocessor=dict(num_classes=num_classes),
        backbone=backbone | dict(base_channels=width, stem_channels=width),
        neck=dict(type='GlobalAveragePooling'),
        head=head,
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        made: BaseModel = MODELS.build(model | changes)
    torch.manual_seed(width)
    for parameter in made.head.parameters():
        nn.init.normal_(parameter)
    return made.eval()


def batch(count: int = 3, size: int = 32) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    shape = (count, 3, size, size)
    images = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    labels = range(count)
    return dict(
        inputs=images, data_samples=[DataSample().set_gt_label(i) for i in labels]
    )


def test_a_map_is_what_the_linear_layer_makes_of_each_position() -> None:
    student, teacher = classifier(), classifier(width=6)
    given = pair(student, teacher, batch(), 'cam')
    for model, (maps,) in ((student, given['student']), (teacher, given['teacher'])):
        assert maps.shape == (3, 5, 4, 4)
        images = model.data_preprocessor(batch(), False)['inputs']
        (features,) = model.backbone(images)
        one = torch.stack(
            [weight @ features[2, :, 1, 3] for weight in model.head.fc.weight]
        )
        torch.testing.assert_close(maps[2, :, 1, 3], one)
        logits = model(images, mode='tensor')
        means = maps.mean(dim=(2, 3))
        torch.testing.assert_close(means + model.head.fc.bias, logits)


def test_with_the_bias_the_mean_over_positions_is_the_logits() -> None:
    student = classifier()
    given = pair(student, deepcopy(student), batch(), dict(part='cam', bias=True))
    images = student.data_preprocessor(batch(), False)['inputs']
    (maps,) = given['student']
    torch.testing.assert_close(maps.mean((2, 3)), student(images, mode='tensor'))


def test_the_gradient_reaches_the_backbone_and_the_weights_of_the_classifier() -> None:
    student, teacher = classifier(), classifier(width=6).requires_grad_(False)
    terms = build_terms(dict(x=dict(on='cam', loss=dict(type='CATKDLoss'))))
    distiller = Distiller(student, [ModelTeacher(teacher)], terms)
    with distiller.attached():
        data = student.data_preprocessor(batch(), True)
        losses = student(**data, mode='loss')
    losses['loss_x'].backward()
    layer: Any = student.head.fc
    assert layer.weight.grad.abs().sum() > 0
    assert layer.bias.grad is None
    assert student.backbone.conv1.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_the_gradient_of_a_single_image_is_right_behind_batch_norm() -> None:
    model: Any = classifier()
    norm = nn.BatchNorm2d(32).train()
    images = torch.randn(1, 32, 3, 4, requires_grad=True)
    slopes = torch.randn(1, 5, 3, 4)
    weight = model.head.fc.weight
    step: Any = None  # which is not looked at
    found = activation_maps(model, False).select([(norm(images),)], step)
    expected = nn.functional.conv2d(norm(images), weight[:, :, None, None])
    torch.testing.assert_close(found, expected)
    gradients = [
        torch.autograd.grad((maps * slopes).sum(), images)[0]
        for maps in (found, expected)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


def test_only_classes_that_both_have_are_compared_in_the_students_order() -> None:
    """And only images of these classes, as with logits."""
    student, teacher = classifier(3), classifier(4, width=6)
    names = ClassNames(
        dict(classes=['a', 'b', 'c']), dict(classes=['c', 'x', 'a', 'y']), {}
    )
    given = pair(student, teacher, batch(), 'cam', 'target', names=names)
    whole = pair(teacher, teacher, batch(), 'cam')['teacher'][0]
    (of_student,), (of_teacher,) = given['student'], given['teacher']
    assert of_student.shape == (2, 2, 4, 4)  # images of a and c, maps of a and c
    torch.testing.assert_close(of_teacher, whole[[0, 2]][:, [2, 0]])
    assert given['target'].tolist() == [0, 1]


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        (dict(neck=None), 'the teacher has no neck and LinearClsHead'),
        (
            dict(
                head=dict(
                    type='StackedLinearClsHead',
                    num_classes=5,
                    in_channels=32,
                    mid_channels=[8],
                )
            ),
            'the teacher has GlobalAveragePooling and StackedLinearClsHead',
        ),
        (
            dict(
                backbone=dict(type='MlpMixer', arch='s', img_size=64),
                neck=dict(type='GlobalAveragePooling', dim=1),
                head=dict(type='LinearClsHead', num_classes=5, in_channels=512),
            ),
            'but the neck of the teacher pools positions that have no height',
        ),
    ],
    ids=['neck', 'head', 'positions'],
)
def test_models_without_such_maps_are_named(
    changes: dict[str, Any], reason: str
) -> None:
    found = build_adapter(classifier(), classifier(**changes)).parts()['cam']
    assert isinstance(found, Unavailable)
    assert reason in found.reason and found.reason.endswith("compare on='logits'")


def test_a_loss_of_rows_is_refused_and_one_of_maps_is_named() -> None:
    models = classifier(), classifier()
    adapter = build_adapter(*models)
    assert isinstance(adapter, ClassificationAdapter)
    (term,) = build_terms(dict(x=dict(on='cam', loss=dict(type='KDLoss'))))
    with pytest.raises(ValueError, match="on='cam' gives feature maps; .*CATKDLoss"):
        adapter.bind('x', 'cam', ()).fit.check(term.loss)
    (term,) = build_terms(dict(x=dict(on='logits', loss=dict(type='CATKDLoss'))))
    with pytest.raises(ValueError, match="compare on='backbone' or on='cam'"):
        adapter.bind('x', 'logits', ()).fit.check(term.loss)


def test_maps_with_and_without_bias_have_two_names_in_a_cache() -> None:
    names = [part_name('cam'), part_name(dict(part='cam', bias=True))]
    assert names == ['cam', 'cam:bias']
