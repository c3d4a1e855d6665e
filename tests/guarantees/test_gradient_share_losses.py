"""Every registered loss gives the gradients that `GradientShare` measures."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import ModelTeacher

pytestmark = pytest.mark.slow

NECK = dict(student_channels=[32] * 5, teacher_channels=[32] * 5)
ND = dict(num_classes=11, teacher_channels=64, student_channels=64)
ON: dict[str, dict[str, dict[str, Any]]] = {
    'roi_logits': {
        **{f'{name}Loss': {} for name in ('CKD', 'KD', 'DKD', 'DIST', 'MLKD', 'NKD')},
        **{f'{name}Loss': {} for name in ('OFA', 'PLD', 'JS', 'SinKD', 'BDKD')},
        **{f'{name}Loss': {} for name in ('CTKD', 'TAID', 'HardKD', 'RLD')},
        'TTMLoss': {},
        'WKDLLoss': dict(distances=(1 - torch.eye(11)).tolist()),
    },
    'embedding': {
        **{f'{name}Loss': {} for name in ('RKD', 'SP', 'PKT', 'CC', 'IRG')},
        'NDLoss': ND,
        'DHOLoss': dict(student_channels=64, teacher_channels=64),
        'LinearKDLoss': dict(student_channels=64, teacher_channels=64),
        'MCLLoss': dict(student_channels=64, teacher_channels=64),
    },
    'roi_boxes': {'BoxRegressionLoss': {}},
    'roi_features': {
        'MimicLoss': dict(student_channels=32, teacher_channels=32),
    },
    'neck': {
        **{f'{name}Loss': {} for name in ('AT', 'NST', 'HCL', 'CWD', 'PKD')},
        **{f'{name}Loss': NECK for name in ('FitNet', 'VID', 'OFD', 'MGD', 'FGD')},
        **{f'{name}Loss': NECK for name in ('ReviewKD', 'FGFI', 'CosineMap', 'FD')},
        **{f'{name}Loss': {} for name in ('Gram', 'CATKD', 'GLD')},
        **{f'{name}Loss': {} for name in ('Pairwise', 'CIRKD')},
        **{f'{name}Loss': NECK for name in ('ACAMKD', 'FreeKD')},
        **{f'{name}Loss': NECK for name in ('CanKD', 'ICKD', 'WKDF')},
    },
    'module:neck.fpn_convs.3': {
        'ScaleKDLoss': dict(student_channels=32, teacher_channels=32),
        'SimKDLoss': dict(student_channels=32, teacher_channels=32),
        'TaTLoss': dict(student_channels=32, teacher_channels=32),
    },
}
CASES = [(on, name) for on, losses in ON.items() for name in losses]


@pytest.fixture(scope='module')
def detector(detector_config: Callable[..., Config], tmp_path_factory: Any) -> Any:
    """A student in training."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        student = MODELS.build(detector_config(tmp_path_factory.mktemp('x')).model)
    student.init_weights()
    return student.train()


def test_every_loss_but_some_is_here() -> None:
    """CRD and MaKD ask for the numbers of images, which a data loader gives.

    Three ask for what dense heads have, and one for queries. OFA's branch and
    USKD have maps beside logits of images, and SDD maps beside labels of images.
    """
    of_dense_heads = {
        f'{name}KDLoss' for name in ('QualityFocal', 'Distribution', 'BoxIoU')
    }
    of_images = {f'{name}Loss' for name in ('CRD', 'MaKD', 'OFABranch', 'SDD', 'USKD')}
    known = {name for _, name in CASES} | of_images | of_dense_heads
    known |= {'DETRDistillLoss'}
    assert known == set(LOSSES.module_dict)


@pytest.mark.parametrize(('on', 'name'), CASES)
def test_the_measured_part_is_that_of_the_backward_pass(
    detector: BaseModel, on: str, name: str
) -> None:
    student, teacher = deepcopy(detector), deepcopy(detector).eval()
    with torch.no_grad():
        for weight in teacher.parameters():
            weight.mul_(1.1)
    keep = dict(type='GradientShare', share=0.1, of='backbone')
    term = dict(on=on, loss=dict(type=name, **ON[on][name]), schedule=keep)
    terms = build_terms(dict(term=term))
    distiller = Distiller(student, [ModelTeacher(teacher.requires_grad_(False))], terms)
    batch = demo_mm_inputs(2, [[3, 64, 96]] * 2, num_items=[3, 2], num_classes=10)
    data = student.data_preprocessor(batch, True)
    distiller.controllers.begin(0, 10)
    with distiller.attached():
        losses = student(**data, mode='loss')
    losses['loss_term'].backward()
    grads = [p.grad for p in student.backbone.parameters() if p.grad is not None]
    expected = sum(one.abs().sum().item() for one in grads)
    controller: Any = terms[0].controller
    assert controller.parts[0].item() == pytest.approx(expected, rel=1e-4)
    assert expected > 0 or name == 'BoxRegressionLoss'
