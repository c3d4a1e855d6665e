"""Losses of all pairs of positions beside what all losses of maps share."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional import cirkd, cirkd_loss, gram_loss, pairwise_loss
from ckd_mm.losses import CIRKDLoss

PADDED = [(16, 32), (16, 16)], (16, 32)
"""The right half of the second image is padding."""


def maps(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def gradient(value: Tensor, student: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(value, student)
    return found


def test_cells_of_one_position_have_the_value_of_gram_and_no_gradient_of_lengths() -> (
    None
):
    student, teacher = maps(2, 3, 4, 6).requires_grad_(), maps(2, 5, 4, 6, seed=1)
    values = [
        pairwise_loss(student, teacher, *PADDED, scale=0.1),
        gram_loss(student, teacher, *PADDED),
    ]
    torch.testing.assert_close(*values)
    along = [(gradient(one, student) * student).sum(dim=1) for one in values]
    assert along[0].abs().max() > 1e-3
    assert along[1].abs().max() < 1e-12, 'a length changes no cosine'


def test_a_cell_has_the_largest_value_inside_of_the_image() -> None:
    """Cells of 3 x 3 in a map of 8 x 8, of which the image has 4 x 4."""
    student, teacher = (-maps(1, 3, 8, 8, seed=seed).abs() for seed in (0, 1))
    student.requires_grad_()
    value = pairwise_loss(student, teacher, [(16, 16)], (32, 32), scale=0.4)
    cut = student[..., :4, :4], teacher[..., :4, :4]
    torch.testing.assert_close(value, pairwise_loss(*cut, scale=0.75))
    slope = gradient(value, student)
    assert slope[..., :4, :4].any()
    assert not slope[..., 4:, :].any() and not slope[..., 4:].any()


def test_positions_of_other_images_do_not_count_where_they_are_padding() -> None:
    student, teacher = maps(2, 3, 2, 4).requires_grad_(), maps(2, 5, 2, 4, seed=1)
    other = student.detach().clone()
    other[1, ..., 2:] = 99.0
    values = [cirkd_loss(one, teacher, *PADDED) for one in (student, other)]
    assert values[0] == values[1]
    found = gradient(values[0], student)
    assert found[0].all() and found[1, ..., :2].all()
    assert not found[1, ..., 2:].any()


def test_a_single_image_is_compared_with_itself() -> None:
    student, teacher = maps(1, 3, 2, 4), maps(1, 5, 2, 4, seed=1)
    twice = cirkd_loss(torch.cat([student] * 2), torch.cat([teacher] * 2))
    torch.testing.assert_close(twice, cirkd_loss(student, teacher))


@pytest.mark.parametrize('most', [1, 50, 120])
def test_blocks_of_rows_give_the_value_and_gradient_of_all_at_once(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    student, teacher = maps(2, 3, 3, 4).requires_grad_(), maps(2, 5, 3, 4, seed=1)
    whole = cirkd_loss(student, teacher, *PADDED)
    monkeypatch.setattr(cirkd, '_MOST_SCORES', most)
    blocks = cirkd_loss(student, teacher, *PADDED)
    torch.testing.assert_close(blocks, whole)
    torch.testing.assert_close(gradient(blocks, student), gradient(whole, student))


def test_maps_of_more_positions_are_averaged_by_one_factor() -> None:
    student, teacher = maps(2, 3, 6, 8), maps(2, 5, 6, 8, seed=1)
    pooled = cirkd_loss(F.avg_pool2d(student, 2), F.avg_pool2d(teacher, 2))
    value = CIRKDLoss(max_positions=47)(student, teacher)
    torch.testing.assert_close(value, pooled)
    assert CIRKDLoss(max_positions=48)(student, teacher) == cirkd_loss(student, teacher)


def test_half_precision_is_averaged_in_float32() -> None:
    half = [one.bfloat16() for one in (maps(1, 3, 6, 9), maps(1, 3, 6, 9, seed=1))]
    loss = CIRKDLoss(max_positions=20)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = loss(*half)
    torch.testing.assert_close(value, loss(*(one.float() for one in half)))
