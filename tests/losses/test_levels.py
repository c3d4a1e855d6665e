"""Lists of levels, which every registered loss of feature maps takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.registry import LOSSES as REGISTRY
from ckd_mm.registry import build

from .rows_maps import MAP_ROWS, MapRow

EACH = pytest.mark.parametrize('row', MAP_ROWS, ids=lambda row: row.class_name)


def draw_levels() -> tuple[list[Tensor], list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 3, 6, 5), (2, 4, 3, 2)]
    student, teacher = (
        [torch.randn(shape, generator=generator) for shape in shapes] for _ in range(2)
    )
    return student, teacher


def built(row: MapRow, **config: Any) -> Callable[..., Tensor]:
    """The loss, with labels of the images where it needs them."""
    loss = build(REGISTRY, {'type': row.class_name, **config})
    return partial(loss, target=torch.tensor([1, 0])) if row.needs_target else loss


@EACH
def test_levels_are_summed(row: MapRow) -> None:
    student, teacher = draw_levels()
    loss = built(row, loss_weight=0.5)
    each = [loss(*pair) for pair in zip(student, teacher, strict=True)]
    assert each[0] != each[1]
    torch.testing.assert_close(loss(student, teacher), each[0] + each[1])
    torch.testing.assert_close(loss(tuple(student), teacher), each[0] + each[1])
    assert loss(student[:1], teacher[0]) == each[0]


@EACH
def test_every_level_gets_a_gradient(row: MapRow) -> None:
    student, teacher = draw_levels()
    for level in student:
        level.requires_grad_()
    built(row)(student, teacher).backward()
    assert all(level.grad is not None and level.grad.any() for level in student)


@EACH
def test_different_numbers_of_levels_are_named(row: MapRow) -> None:
    student, teacher = draw_levels()
    loss = built(row)
    with pytest.raises(ValueError) as error:
        loss(student, teacher[:1])
    assert str(error.value) == (
        'student and teacher must have the same number of levels, at least one, '
        'got [(2, 3, 6, 5), (2, 4, 3, 2)] and [(2, 3, 6, 5)]; '
        'choose layers that return the same number of feature maps'
    )
    with pytest.raises(ValueError, match=r'at least one, got \[\] and \[\]'):
        loss([], [])


@EACH
def test_a_level_that_does_not_fit_is_named(row: MapRow) -> None:
    student, teacher = draw_levels()
    teacher[1] = teacher[1][:1]
    loss = built(row)
    with pytest.raises(ValueError) as error:
        loss(student, teacher)
    assert str(error.value).startswith('level 1: student and teacher feature maps must')
    assert 'got (2, 4, 3, 2) and (1, 4, 3, 2)' in str(error.value)
