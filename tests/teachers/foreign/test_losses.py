"""A ViT and a ConvNeXt of timm teach detectors, by the losses for such teachers."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.engine.terms import build_terms

from ...adapters.pairs import pair
from ...losses.references_connectors import reference_cosinemap, reference_fd
from ...losses.references_maps import reference_gram
from .libraries import CASES
from .steps import SIZES, STUDENTS, batch_for, teacher_model

BATCH = (96, 128)
REFERENCES: dict[str, Any] = {
    'CosineMapLoss': reference_cosinemap,
    'FDLoss': reference_fd,
    'GramLoss': lambda module, *inputs: reference_gram(*inputs),
}


def at_size(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """By PyTorch, for maps of which both axes get shorter or both grow."""
    if size[0] > maps.shape[2]:
        return F.interpolate(maps, size, mode='bilinear')
    return F.adaptive_avg_pool2d(maps, size)


@pytest.mark.parametrize('name', REFERENCES)
@pytest.mark.parametrize(
    ('student_name', 'level', 'teacher_name', 'layer', 'resize', 'size'),
    [
        ('Faster R-CNN', 'neck:4', 'timm ViT', 'blocks:-1', (3, 3), (3, 3)),
        ('RetinaNet', 'neck:2', 'timm ConvNeXt', 'stages:2', 'student', (3, 4)),
    ],
    ids=['timm ViT', 'timm ConvNeXt'],
)
def test_a_step_has_the_loss_of_a_slow_loop(
    name: str,
    student_name: str,
    level: str,
    teacher_name: str,
    layer: str,
    resize: Any,
    size: tuple[int, int],
    tmp_path: Path,
) -> None:
    """The second image is smaller than the batch, and its padding is left out."""
    if name == 'GramLoss':
        resize, size = (3, 4), (3, 4)
    student = STUDENTS[student_name][0]().train()
    teacher = teacher_model(**CASES[teacher_name].config(tmp_path))
    on = dict(student=level, teacher=layer)
    loss = dict(type=name, resize=resize)
    given = pair(student, teacher, batch_for(student), on)
    if name != 'GramLoss':
        loss['student_channels'] = given['student'].shape[1]
        loss['teacher_channels'] = given['teacher'].shape[1]
    (term,) = build_terms(dict(term=dict(on=on, loss=loss)))
    found = pair(student, teacher, batch_for(student), on, *term.context)
    value = term.loss(**found)
    maps = [
        at_size(found[key].detach().double(), size) for key in ('student', 'teacher')
    ]
    expected = REFERENCES[name](deepcopy(term.loss).double(), *maps, SIZES, BATCH)
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-6)
    value.backward()
    slopes = [one.grad for one in student.backbone.parameters() if one.grad is not None]
    assert slopes and all(slope.isfinite().all() for slope in slopes)
    assert any(slope.any() for slope in slopes)
