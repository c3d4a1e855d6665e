"""The student's maps through the last stage of a teacher, against both models by hand.

ScaleKD is the loss; its value and the student's gradient are those of a slow loop.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample
from torch import Tensor

from ckd_mm.adapters.core.last_stage import last_stage_of
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import Term, build_terms
from ckd_mm.teachers import ModelTeacher

from ..losses.references_scalekd import reference_both_stages

WIDTHS = {'resnet': [16, 32], 'swin': [8, 16]}
SWIN = dict(
    type='SwinTransformer',
    arch=dict(embed_dims=8, depths=[1, 2], num_heads=[1, 2]),
    window_size=2,
    img_size=16,
    out_indices=(1,),
)
RESNET = dict(type='ResNet_CIFAR', depth=18, base_channels=4, stem_channels=4)


def classifier(kind: str, **changes: Any) -> BaseModel:
    backbone = dict(SWIN if kind == 'swin' else RESNET, **changes)
    model = dict(
        type='ImageClassifier',
        backbone=backbone,
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=3,
            in_channels=WIDTHS[kind][-1],
            loss=dict(type='CrossEntropyLoss'),
        ),
        data_preprocessor=dict(mean=[127.0] * 3, std=[64.0] * 3, num_classes=3),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        built = MODELS.build(model)
    for parameter in built.parameters():  # norms have begun with ones and zeros
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return built.eval()


def terms(student: str, teacher: str, on: Any = 'last_stages') -> list[Term]:
    loss = dict(
        type='ScaleKDLoss',
        student_channels=WIDTHS[student],
        teacher_channels=WIDTHS[teacher],
        num_heads=[2, 4],
        query_hw=[(4, 4), (2, 3)],
        through_teacher=True,
    )
    return build_terms(dict(scalekd=dict(on=on, loss=loss)))


def batch() -> dict[str, Any]:
    images = list(torch.randint(256, (2, 3, 16, 16), dtype=torch.uint8))
    samples = [DataSample().set_gt_label(i) for i in range(2)]
    return dict(inputs=images, data_samples=samples)


def stages_by_hand(model: Any, images: Tensor) -> list[Tensor]:
    """The maps of the last two stages; windows and residuals are the library's."""
    backbone = model.backbone
    if hasattr(backbone, 'patch_embed'):
        tokens, size = backbone.patch_embed(images)
        tokens, size = backbone.stages[0](tokens, size, do_downsample=False)
        before = tokens.reshape(len(images), *size, -1).permute(0, 3, 1, 2)
        return [before, last_by_hand(model, before)]
    maps = backbone.relu(backbone.norm1(backbone.conv1(images)))
    for name in ('layer1', 'layer2', 'layer3'):
        maps = getattr(backbone, name)(maps)
    return [maps, last_by_hand(model, maps)]


def last_by_hand(model: Any, maps: Tensor) -> Tensor:
    backbone = model.backbone
    if not hasattr(backbone, 'patch_embed'):
        layer: Tensor = backbone.layer4(maps)
        return layer
    number, _, *size = maps.shape
    tokens = torch.stack([image.reshape(len(image), -1).T for image in maps])
    tokens, size = backbone.stages[0].downsample(tokens, tuple(size))
    tokens, size = backbone.stages[1](tokens, size)
    tokens = backbone.norm1(tokens)
    return tokens.reshape(number, *size, -1).permute(0, 3, 1, 2)


def gradients(model: BaseModel, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    return {
        name: one.grad for name, one in model.named_parameters() if one.grad is not None
    }


@pytest.mark.parametrize(
    ('student', 'teacher'), [('resnet', 'swin'), ('swin', 'resnet')]
)
def test_scalekd_is_that_of_both_models_run_by_hand(student: str, teacher: str) -> None:
    torch.manual_seed(0)
    models = [classifier(one).double() for one in (student, teacher)]
    models[1].requires_grad_(False)
    before = deepcopy(models[1].state_dict())
    distiller = Distiller(models[0], [ModelTeacher(models[1])], terms(student, teacher))
    data = models[0].data_preprocessor(batch(), True)
    data['inputs'] = data['inputs'].double()
    module: Any = distiller.losses['scalekd'].double()
    students, teachers = (stages_by_hand(one, data['inputs']) for one in models)
    expected = reference_both_stages(
        deepcopy(module), students, teachers, lambda maps: last_by_hand(models[1], maps)
    )
    wanted = gradients(models[0], expected)
    with distiller.attached():
        loss = models[0](**data, mode='loss')['loss_scalekd']
    torch.testing.assert_close(loss, expected)
    found = gradients(models[0], loss)
    assert {name for name in found if name.startswith('backbone')} == {*found}
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name])
    assert any(bool(one.abs().max() > 1e-4) for one in found.values())
    assert all(one.grad is not None for one in module.parameters())
    assert all(one.grad is None for one in models[1].parameters())
    after = models[1].state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_stage_of_a_swin_that_shrinks_its_maps_first_takes_them_so() -> None:
    model = classifier('swin', out_after_downsample=True)
    stage = last_stage_of(model)
    assert stage is not None
    maps = torch.randn(2, 16, 2, 2)
    tokens, size = model.backbone.stages[1](maps.flatten(2).transpose(1, 2), (2, 2))
    tokens = model.backbone.norm1(tokens)
    torch.testing.assert_close(stage(maps), tokens.mT.reshape(2, 16, *size))


def test_modules_of_the_student_can_be_named() -> None:
    student, teacher = classifier('resnet'), classifier('swin')
    on = dict(part='last_stages', student_stages=['backbone.layer3', 'backbone:-1'])
    distiller = Distiller(
        student, [ModelTeacher(teacher)], terms('resnet', 'swin', on=on)
    )
    value = distiller.pairs(batch())['scalekd'].student
    assert [tuple(one.shape) for one in value] == [(2, 16, 4, 4), (2, 32, 2, 2)]


REFUSED: dict[str, tuple[Any, str]] = {
    'one name': (
        dict(part='last_stages', student_stages=['backbone.layer3']),
        r"two modules, .* got \['backbone.layer3'\] beside a ResNet_CIFAR; give ",
    ),
    'no module': (
        dict(part='last_stages', student_stages=['backbone.layer3', 'backbone.layer5']),
        "no module 'backbone.layer5'; did you mean",
    ),
    'maps without the stage': (
        [
            dict(student='backbone.layer3', teacher='backbone.stages.0'),
            dict(student='backbone.layer4', teacher='backbone.stages.1'),
        ],
        "needs 'last_stage', which .*; compare on='last_stages' of two classifiers",
    ),
}


@pytest.mark.parametrize('case', REFUSED)
def test_what_cannot_go_through_is_refused_before_training(case: str) -> None:
    on, message = REFUSED[case]
    teacher = ModelTeacher(classifier('swin'))
    with pytest.raises(ValueError, match=message):
        Distiller(classifier('resnet'), [teacher], terms('resnet', 'swin', on=on))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (
            dict(out_indices=(0,)),
            r"the teacher's SwinTransformer does not return its last stage "
            r'\(out_indices=\(0,\)\), .*; take a teacher with out_indices=\(1,\)',
        ),
        (
            dict(arch=dict(embed_dims=8, depths=[1], num_heads=[1]), out_indices=(0,)),
            'backbone is a SwinTransformer, of which .*; take a teacher with MMP',
        ),
    ],
)
def test_a_last_stage_that_maps_cannot_go_through_is_refused_with_a_way_out(
    changes: dict[str, Any], message: str
) -> None:
    teacher = classifier('swin', **changes)
    with pytest.raises(ValueError, match=message):
        Distiller(
            classifier('resnet'), [ModelTeacher(teacher)], terms('resnet', 'swin')
        )


def test_two_teachers_are_not_averaged() -> None:
    teachers = [ModelTeacher(classifier('swin')) for _ in range(2)]
    with pytest.raises(ValueError, match='hears 2 teachers, each of which .* teacher='):
        Distiller(classifier('resnet'), teachers, terms('resnet', 'swin'))
