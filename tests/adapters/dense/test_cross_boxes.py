"""Boxes and edges through the rest of the teacher's head, with both real models."""

from __future__ import annotations

import pytest
import torch
from mmengine.testing import assert_allclose
from torch import Tensor

from ..pairs import pair
from .test_cross import batch, by_hand, deep


def boxes_of(outputs: Tensor) -> Tensor:
    """x1, y1, x2, y2 around an anchor of size 1, or a point, at 0."""
    if outputs.shape[1] == 4:
        (dx, dy), (dw, dh) = outputs[:, :2].T, outputs[:, 2:].exp().T / 2
        return torch.stack([dx - dw, dy - dh, dx + dw, dy + dh], 1)
    edges = edges_of(outputs)
    bins = torch.arange(edges.shape[1], dtype=edges.dtype)
    left, top, right, bottom = (edges.softmax(1) @ bins).unflatten(0, (-1, 4)).T
    return torch.stack([-left, -top, right, bottom], 1)


def edges_of(outputs: Tensor) -> Tensor:
    """One row for each edge of a box."""
    return outputs.unflatten(1, (4, -1)).flatten(0, 1)


VALUES = {'cross_boxes': boxes_of, 'cross_distribution': edges_of}


@pytest.mark.parametrize('at', [1, 2])
@pytest.mark.parametrize(
    ('on', 'kinds'),
    [
        ('cross_boxes', ('RetinaNet', 'RetinaNet')),
        ('cross_boxes', ('GFL', 'GFL')),
        ('cross_distribution', ('GFL', 'GFL')),
        ('cross_distribution', ('ATSS', 'GFL')),
    ],
)
def test_value_and_gradient_are_those_of_both_heads_run_by_hand(
    on: str, kinds: tuple[str, str], at: int
) -> None:
    student, teacher = deep(kinds[0], 0), deep(kinds[1], 1).requires_grad_(False)
    for parameter in teacher.bbox_head.parameters():  # levels that do not scale alike
        if parameter.ndim == 0:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    data = batch()
    found = pair(student, teacher, data, dict(part=on, at=at))
    outputs = by_hand(student, teacher, data, at, branch='reg')
    crossed, stock = (VALUES[on](one) for one in outputs)
    assert len(crossed) > 100 and not torch.allclose(crossed, stock, atol=1e-2)
    assert_allclose(found['student'], crossed, rtol=1e-3, atol=1e-3)
    assert_allclose(found['teacher'], stock, rtol=1e-3, atol=1e-3)
    weights = torch.randn(crossed.shape, generator=torch.Generator().manual_seed(0))
    learned = dict(student.named_parameters())
    gradients = [
        torch.autograd.grad(
            (one * weights).mean(), list(learned.values()), allow_unused=True
        )
        for one in (found['student'], crossed)
    ]
    largest = max(one.abs().max().item() for one in gradients[1] if one is not None)
    for name, mine, reference in zip(learned, *gradients, strict=True):
        assert (mine is None) == (reference is None), name
        if mine is not None:
            assert_allclose(mine, reference, rtol=1e-3, atol=1e-5 * largest)
    reached = {
        name for name, one in zip(learned, gradients[0], strict=True) if one is not None
    }
    assert any(name.startswith(f'bbox_head.reg_convs.{at - 1}.') for name in reached)
    assert not any(name.startswith(f'bbox_head.reg_convs.{at}.') for name in reached)
    assert any(name.startswith('backbone') for name in reached)
