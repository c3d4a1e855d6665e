"""A loss that does not take what a part gives is refused, before training if known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.core.loss_fit import LossFit
from ckd_mm.adapters.core.pair_spec import PairSpec, Readout
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.schedules import Schedule
from ckd_mm.engine.terms import Term
from ckd_mm.registry import LOSSES, build
from ckd_mm.teachers import ModelTeacher

from ..detectors import faster_rcnn

_BRANCH = dict(type='OFABranchLoss', student_channels=4, teacher_channels=5, stage=3)
_TAP = Readout((Tap('neck'),))
WITHOUT_OPTIONS = [
    name
    for name, cls in LOSSES.module_dict.items()
    if cls.__module__.startswith('ckd_mm.')
    and name not in ('CRDLoss', 'NDLoss')  # they need the number of samples or classes
    and name
    not in ('DHOLoss', 'LinearKDLoss', 'MaKDLoss', 'MCLLoss')  # they need channels
    and getattr(cls, 'takes', '') in ('distribution', 'rows', 'maps')
    and name not in ('FGDLoss', 'FGFILoss', 'CanKDLoss', 'ICKDLoss', 'WKDFLoss')  # too
]


@pytest.fixture(scope='module')
def models() -> tuple[BaseModel, BaseModel]:
    return faster_rcnn(0), faster_rcnn(1).requires_grad_(False)


def distiller(
    models: tuple[BaseModel, BaseModel], on: Any, loss: nn.Module
) -> Distiller:
    student, teacher = models
    return Distiller(
        student, [ModelTeacher(teacher)], [Term('x', on, loss, Schedule())]
    )


def step(distiller: Distiller, student: BaseModel) -> dict[str, Any]:
    batch = demo_mm_inputs(2, [[3, 64, 64]] * 2, num_classes=10)
    data = student.train().data_preprocessor(batch, True)
    distiller.attach()
    try:
        return student(**data, mode='loss')
    finally:
        distiller.detach()
        student.eval()


@pytest.mark.parametrize('on', ['neck', 'backbone', 'roi_logits', 'embedding'])
@pytest.mark.parametrize('name', WITHOUT_OPTIONS)
def test_a_loss_of_rows_is_refused_on_maps_and_one_of_maps_on_rows(
    name: str, on: str, models: tuple[BaseModel, BaseModel]
) -> None:
    loss = build(LOSSES, dict(type=name))
    gives = 'gives feature maps' if on in ('neck', 'backbone') else r'rows \(B, D\)'
    if (loss.takes == 'maps') == ('maps' in gives):
        try:
            distiller(models, on, loss)
        except ValueError as error:
            assert 'which this pair does not have' in str(error)
        return
    with pytest.raises(ValueError, match=f'{gives}|which this pair does not have'):
        distiller(models, on, loss)


def test_the_error_names_both_and_what_fits(
    models: tuple[BaseModel, BaseModel],
) -> None:
    with pytest.raises(ValueError) as error:
        distiller(models, 'neck', build(LOSSES, dict(type='KDLoss')))
    said, fitting = str(error.value).split('loss that fits: ')
    assert said == (
        "term 'x': KDLoss takes rows of class logits (B, C), but on='neck' gives "
        "feature maps; compare on='roi_logits' or on='rpn_logits' or "
        "on='cross_roi_logits', or take a "
    )
    assert {'ATLoss', 'FitNetLoss', 'PKDLoss'} < set(fitting.split(', '))
    assert not {'CKDLoss', 'DKDLoss', 'KDLoss'} & set(fitting.split(', '))
    with pytest.raises(
        ValueError,
        match=r"CWDLoss takes feature maps .*, but on='roi_logits' gives rows \(B, D\)"
        r" of a softmax with background; compare on='backbone' or on='neck' "
        "or on='roi_features', or take a loss "
        'that fits: ACAMKDLoss, BDKDLoss, ',
    ):
        distiller(models, 'roi_logits', build(LOSSES, dict(type='CWDLoss')))


@pytest.mark.parametrize('on', ['roi_boxes', dict(part='rpn_boxes', topk=8)])
def test_box_deltas_are_no_distribution(
    on: Any, models: tuple[BaseModel, BaseModel]
) -> None:
    with pytest.raises(
        ValueError, match=r'KDLoss takes .* gives box deltas \(P, 4\); .*BoxRegression'
    ):
        distiller(models, on, build(LOSSES, dict(type='KDLoss')))
    distiller(models, on, build(LOSSES, dict(type='BoxRegressionLoss')))


def test_several_parts_of_rows_are_refused_for_a_loss_of_one_tensor(
    models: tuple[BaseModel, BaseModel],
) -> None:
    with pytest.raises(ValueError, match='gives several tensors of rows, one for each'):
        distiller(
            models, ['roi_logits', 'embedding'], build(LOSSES, dict(type='CKDLoss'))
        )


@pytest.mark.parametrize(
    ('on', 'name', 'given'),
    [
        ('module:neck.fpn_convs.0', 'CKDLoss', r'\(2, 32, 16, 16\)'),
        (['module:neck.fpn_convs.0'] * 2, 'KDLoss', r'(\(2, 32, 16, 16\)[, ]*){2}'),
        ('module:roi_head.bbox_head.fc_cls', 'CWDLoss', r'\(\d+, 11\)'),
    ],
)
def test_what_modules_return_is_refused_in_the_first_step(
    on: Any, name: str, given: str, models: tuple[BaseModel, BaseModel]
) -> None:
    made = distiller(models, on, build(LOSSES, dict(type=name)))
    with pytest.raises(ValueError, match=rf"term 'x': {name} takes .* gives {given}; "):
        step(made, models[0])


def test_a_loss_of_a_map_and_logits_names_a_pair_of_them() -> None:
    loss = build(LOSSES, _BRANCH)
    with pytest.raises(ValueError) as error:
        LossFit('x', 'neck', [PairSpec(_TAP, _TAP, levels=True)], {}).check(loss)
    assert str(error.value).startswith(
        "term 'x': OFABranchLoss takes a feature map (N, C, H, W) of the student and "
        "class logits (B, C) of the teacher, but on='neck' gives feature maps; "
        "compare on=dict(student='backbone.layer3', teacher='logits'), or take "
    )
    fit = LossFit('x', dict(student='a', teacher='b'), [], {})
    maps, rows = torch.zeros(2, 4, 3, 3), torch.zeros(2, 5)
    fit.check_values(loss, maps, rows)
    for student, teacher in ((maps, maps), (rows, rows)):
        with pytest.raises(ValueError, match='OFABranchLoss takes a feature map'):
            fit.check_values(loss, student, teacher)


class _Plain(nn.Module):
    """A plugin's loss, which does not say what it takes."""

    def forward(
        self, student: Tensor | Sequence[Tensor], teacher: Tensor | Sequence[Tensor]
    ) -> Tensor:
        levels = [student] if isinstance(student, Tensor) else student
        return torch.stack([level.square().mean() for level in levels]).sum()


class _Says(_Plain):
    takes: ClassVar[str] = 'rows'


class _SaysWrong(_Plain):
    takes: ClassVar[str] = 'logits'


@pytest.mark.parametrize('on', ['neck', 'roi_logits', 'module:neck.fpn_convs.0'])
def test_a_loss_that_does_not_say_what_it_takes_is_not_checked(
    on: str, models: tuple[BaseModel, BaseModel]
) -> None:
    assert step(distiller(models, on, _Plain()), models[0])['loss_x'] > 0


def test_a_loss_of_a_plugin_that_says_it_is_checked(
    models: tuple[BaseModel, BaseModel],
) -> None:
    with pytest.raises(ValueError, match=r'_Says takes rows \(B, D\), but'):
        distiller(models, 'neck', _Says())
    with pytest.raises(
        ValueError, match=r"_SaysWrong.takes must be one of .*, got 'logits'"
    ):
        distiller(models, 'neck', _SaysWrong())
