"""Models of timm as teachers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.teachers import FeatureModel

from ...adapters.pairs import pair
from .steps import STUDENTS, batch_for, canvas_of, teacher_model

pytest.importorskip('timm')

IMAGENET = dict(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
HALF = dict(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
TINY = dict(embed_dim=24, depth=3, num_heads=2)
MODELS: dict[str, tuple[dict[str, Any], dict[str, Any], int, int]] = {
    'ViT': (dict(model='vit_tiny_patch16_224', args=TINY), HALF, 16, 1),
    'DINOv2': (dict(model='vit_small_patch14_dinov2', args=TINY), IMAGENET, 14, 1),
    'DINOv3': (dict(model='vit_small_patch16_dinov3', args=TINY), IMAGENET, 16, 5),
}
"""Options, pixels, size of a patch and number of prefix tokens."""


def own_maps(model: FeatureModel, canvas: Tensor, patch: int, prefix: int) -> Tensor:
    """The tokens of timm's own forward as a map."""
    assert not model.model.training
    with torch.no_grad():
        tokens = model.model.forward_features(canvas)[:, prefix:]
    rows, columns = (side // patch for side in canvas.shape[2:])
    return tokens.transpose(1, 2).unflatten(2, (rows, columns))


@pytest.mark.parametrize('student_name', STUDENTS)
@pytest.mark.parametrize('name', MODELS)
def test_a_step_gets_what_timms_own_forward_gives_of_the_same_images(
    name: str, student_name: str
) -> None:
    options, pixels, patch, prefix = MODELS[name]
    build, level = STUDENTS[student_name]
    student, teacher = build().train(), teacher_model(type='timm', **options)
    batch = batch_for(student)
    on = dict(student=level, teacher='blocks:-1')
    found = pair(student, teacher, batch, on)
    canvas = canvas_of(batch['inputs'], **pixels, divisor=patch)
    expected = own_maps(teacher, canvas, patch, prefix)
    torch.testing.assert_close(found['teacher'], expected, rtol=1e-4, atol=1e-4)
    assert found['student'].requires_grad and found['student'].ndim == 4
