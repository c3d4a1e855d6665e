"""Losses that bring maps of different sizes to the size that the config says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from ckd_mm.losses import CosineMapLoss, GramLoss
from ckd_mm.registry import LOSSES, build

CONFIGS: dict[str, dict[str, Any]] = {
    'CosineMapLoss': dict(student_channels=3, teacher_channels=5),
    'FDLoss': dict(student_channels=3, teacher_channels=5),
    'GramLoss': {},
    'PairwiseLoss': {},
    'CIRKDLoss': {},
}
EACH = pytest.mark.parametrize('name', CONFIGS)
STUDENT, TEACHER = torch.randn(2, 3, 4, 6), torch.randn(2, 5, 8, 3)


def loss_of(name: str, resize: Any) -> Any:
    torch.manual_seed(0)
    return build(LOSSES, {'type': name, **CONFIGS[name], 'resize': resize})


@EACH
def test_different_sizes_are_refused_with_the_way_out(name: str) -> None:
    with pytest.raises(ValueError) as error:
        loss_of(name, None)(STUDENT, TEACHER)
    assert str(error.value) == (
        'student and teacher feature maps must be of one size where resize is None, '
        "got (4, 6) and (8, 3); set resize='student', 'teacher' or (height, width) in "
        'the loss of the term, or choose layers of the same stride'
    )


@EACH
@pytest.mark.parametrize(
    ('resize', 'size'),
    [('student', (4, 6)), ('teacher', (8, 3)), ([2, 2], (2, 2)), ((9, 7), (9, 7))],
    ids=str,
)
def test_both_maps_are_compared_at_the_size_of_the_config(
    name: str, resize: Any, size: tuple[int, int]
) -> None:
    """Where an axis grows by the bilinear weights, else by averages."""

    def at_size(maps: torch.Tensor) -> torch.Tensor:
        for axis in range(2):
            one = list(maps.shape[2:])
            one[axis] = size[axis]
            if size[axis] > maps.shape[2 + axis]:
                maps = F.interpolate(maps, one, mode='bilinear')
            else:
                maps = F.adaptive_avg_pool2d(maps, (one[0], one[1]))
        return maps

    value = loss_of(name, resize)(STUDENT, TEACHER)
    expected = loss_of(name, None)(at_size(STUDENT), at_size(TEACHER))
    torch.testing.assert_close(value, expected)


def test_no_projection_needs_one_width() -> None:
    with pytest.raises(ValueError, match=r'project=False needs maps of one width, got'):
        CosineMapLoss(3, 5, project=False)
    loss = CosineMapLoss(3, 3, project=False)
    assert not list(loss.parameters())
    assert abs(loss(STUDENT, 2 * STUDENT)) < 1e-6


@EACH
def test_padding_is_asked_for_unless_the_config_says_otherwise(name: str) -> None:
    config = {'type': name, **CONFIGS[name]}
    assert build(LOSSES, config).also_needs == ('image_shapes', 'image_size')
    assert build(LOSSES, {**config, 'ignore_padding': False}).also_needs == ()


def test_padding_may_be_kept() -> None:
    student, teacher = torch.randn(1, 3, 2, 2), torch.randn(1, 5, 2, 2)
    padding: Any = [(8, 8)], (16, 16)
    kept = GramLoss(ignore_padding=False)(student, teacher, *padding)
    assert kept == GramLoss()(student, teacher)
    assert kept != GramLoss()(student, teacher, *padding)


@pytest.mark.parametrize('length', [1e-20, 1e-9, 1e-5])
def test_short_vectors_give_no_huge_gradient(length: float) -> None:
    student = torch.full((1, 3, 2, 2), length, requires_grad=True)
    teacher = torch.randn(1, 3, 2, 2)
    for loss in (CosineMapLoss(3, 3, project=False), GramLoss()):
        (slope,) = torch.autograd.grad(loss(student, teacher), student)
        assert slope.abs().max() < 1e6
