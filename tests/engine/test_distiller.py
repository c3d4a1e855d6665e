"""What a loss returns is checked in the step."""

from __future__ import annotations

from typing import Any

import pytest
from mmdet.testing import demo_mm_inputs
from torch import Tensor, nn

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import ModelTeacher

from ..adapters.detectors import faster_rcnn


class ByName(nn.Module):
    def forward(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        return dict(gap=(student - teacher).square().mean())


def test_a_loss_that_returns_a_dict_is_named_with_what_it_must_return(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(LOSSES.module_dict, 'ByName', ByName)
    student = faster_rcnn()
    terms = build_terms(dict(mine=dict(on='roi_logits', loss=dict(type='ByName'))))
    teacher = ModelTeacher(faster_rcnn(seed=1).requires_grad_(False))
    batch: Any = demo_mm_inputs(2, [[3, 64, 64]] * 2, num_classes=10)
    data = student.data_preprocessor(batch, True)
    with (
        Distiller(student, [teacher], terms).attached(),
        pytest.raises(ValueError, match="'mine': .* one tensor of shape .* got a dict"),
    ):
        student(**data, mode='loss')
