"""Every registered loss gives the gradients that `GradientShare` measures."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import ModelTeacher

from .test_synchronisation import ON, built, data_of

pytestmark = pytest.mark.slow

CASES = [(on, name) for on, losses in ON.items() for name in losses]


@pytest.fixture(scope='module')
def detector(detector_config: Callable[..., Config], tmp_path_factory: Any) -> Any:
    return built(detector_config(tmp_path_factory.mktemp('unused')).model)


def test_every_loss_but_crd_is_here() -> None:
    """CRD asks for the numbers of images, which a data loader gives."""
    assert {name for _, name in CASES} | {'CRDLoss'} == set(LOSSES.module_dict)


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
    distiller.controllers.begin(0, 10)
    with distiller.attached():
        losses = student(**data_of(detector), mode='loss')
    losses['loss_term'].backward()
    grads = [p.grad for p in student.backbone.parameters() if p.grad is not None]
    expected = sum(one.abs().sum().item() for one in grads)
    controller: Any = terms[0].controller
    assert controller.parts[0].item() == pytest.approx(expected, rel=1e-4)
    assert expected > 0 or name == 'BoxRegressionLoss'
