"""IRG: how far each sample moves between two layers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import irg_loss
from ckd_mm.losses import IRGLoss

from .references_maps import pooled
from .references_relations import minus
from .samples import draw
from .scalars import Scalars, dot, mean

ONLY_MOVES = dict(edge_weight=0.0, transformation_weight=3.0)


def draw_layers(width: int, seed: int) -> list[Tensor]:
    """Maps of 6 x 6 and 3 x 3 positions, of which the second are twice as wide."""
    return [
        draw(4, channels, size, size, seed=seed).student
        for channels, size in ((width, 6), (2 * width, 3))
    ]


def moves(earlier: Tensor, later: Tensor) -> Scalars:
    """By sample, in units of the largest, with means over pairs of channels."""
    found = []
    for x, y in zip(earlier, later, strict=True):
        values = pooled(x[None], 3)
        halved = [mean(list(pair)) for c in range(0, len(y), 2) for pair in pairs(y, c)]
        found.append(dot(minus(values, halved), minus(values, halved)))
    return [one / max(found) for one in found]


def pairs(maps: Tensor, channel: int) -> list[tuple[Tensor, Tensor]]:
    """The values of two neighbouring channels at each position."""
    first, second = maps[channel].flatten(), maps[channel + 1].flatten()
    return list(zip(first, second, strict=True))


def test_transformations_equal_a_slow_loop_in_value_and_gradient() -> None:
    student, teacher = draw_layers(2, seed=1), draw_layers(3, seed=2)
    value = irg_loss(student, teacher, **ONLY_MOVES)
    gap = minus(moves(*student), moves(*teacher))
    expected = 3.0 * dot(gap, gap) / 4
    torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-12)
    found, wanted = (torch.autograd.grad(one, student) for one in (value, expected))
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10)


def test_edges_are_the_mean_over_layers_and_maps_alone_have_transformations() -> None:
    student, teacher = draw_layers(2, seed=1), draw_layers(3, seed=2)
    rows = draw(4, 7, seed=3).student, draw(4, 5, seed=4).teacher
    alone = [irg_loss(*pair) for pair in zip(student, teacher, strict=True)]
    together = irg_loss([*student, rows[0]], [*teacher, rows[1]])
    edges = torch.stack([*alone, irg_loss(*rows)]).mean()
    of_moves = irg_loss(student, teacher, edge_weight=0.0)
    torch.testing.assert_close(together, edges + of_moves)


def test_samples_that_all_are_equal_have_no_edges_and_a_moderate_gradient() -> None:
    rows = torch.full((3, 4), 0.1, requires_grad=True)
    irg_loss(rows, torch.randn(3, 4)).backward()
    assert rows.grad is not None and rows.grad.abs().max() < 1e-6


def test_layers_that_do_not_fit_are_named() -> None:
    maps = [torch.zeros(2, 4, 6, 6), torch.zeros(2, 6, 3, 3)]
    with pytest.raises(ValueError, match='must be a multiple .* got 6 and 4; name oth'):
        IRGLoss()(maps, maps)
    with pytest.raises(ValueError, match='the same number of levels.* got 2 and 1; na'):
        IRGLoss()(maps, maps[:1])
