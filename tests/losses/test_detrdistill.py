"""DETRDistill's loss beside what all losses share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import detrdistill_loss, detrdistill_masks
from ckd_mm.losses import DETRDistillLoss

SIZES = [(5, 6), (3, 3)]
SHAPES, SIZE = [(40, 48), (26, 40)], (40, 48)


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def levels(seed: int) -> list[Tensor]:
    return [draw(2, 3, *size, seed=seed + n) for n, size in enumerate(SIZES)]


QUERIES, QUALITY = draw(2, 2, 4, 3, seed=8), draw(2, 2, 4, seed=9).abs()


def test_levels_are_summed_and_each_gets_a_gradient() -> None:
    student, teacher = levels(0), levels(2)
    for level in student:
        level.requires_grad_()
    value = DETRDistillLoss(loss_weight=0.5)(
        student, teacher, QUERIES, QUALITY, SHAPES, SIZE
    )
    each = [
        detrdistill_loss(*pair, QUERIES, QUALITY, SHAPES, SIZE)
        for pair in zip(student, teacher, strict=True)
    ]
    torch.testing.assert_close(value, 0.5 * (each[0] + each[1]))
    value.backward()
    for level in student:
        assert level.grad is not None
        assert level.grad[0].any(1).all(), 'each position of the larger image'
        assert not level.grad[1, :, -1].any(), 'no position in the padding'


def test_padding_counts_where_it_is_not_left_out() -> None:
    student, teacher = levels(0), levels(2)
    given = (student, teacher, QUERIES, QUALITY, SHAPES, SIZE)
    loss = DETRDistillLoss(ignore_padding=False)
    assert DETRDistillLoss().also_needs == ('image_shapes', 'image_size')
    assert loss.also_needs == ()
    assert loss(*given) == loss(*given[:4]) == DETRDistillLoss()(*given[:4])
    assert loss(*given) != DETRDistillLoss()(*given)


def test_masks_are_1_at_their_best_position_and_0_in_the_padding() -> None:
    teacher = levels(2)[0]
    masks = detrdistill_masks(teacher, QUERIES, QUALITY, SHAPES, SIZE)
    assert masks.shape == (2, 2, 5, 6)
    assert masks.amax((2, 3)).eq(1).all()
    assert not masks[:, 1, 3:].any() and not masks[:, 1, :, 5:].any()
    inside = detrdistill_masks(teacher[1:, :, :3, :5], QUERIES[:, 1:], QUALITY[:, 1:])
    torch.testing.assert_close(masks[:, 1:, :3, :5], inside)


def test_poor_queries_weigh_all_positions_alike() -> None:
    masks = detrdistill_masks(levels(2)[0], QUERIES, 1e-4 * QUALITY)
    assert masks.eq(1).all()


@pytest.mark.parametrize(
    ('queries', 'quality'),
    [
        ((2, 2, 4, 5), (2, 2, 4)),
        ((2, 3, 4, 3), (2, 3, 4)),
        ((2, 2, 4, 3), (2, 2, 5)),
        ((2, 4, 3), (2, 4)),
    ],
)
def test_queries_that_do_not_fit_the_maps_are_named(queries: Any, quality: Any) -> None:
    student, teacher = levels(0)[0], levels(2)[0]
    with pytest.raises(ValueError) as error:
        detrdistill_loss(student, teacher, torch.ones(queries), torch.ones(quality))
    assert str(error.value) == (
        'queries (L, N, Q, C) and their quality (L, N, Q) must be of the images and of '
        f'the width of the maps (N, C, H, W), got {queries}, {quality} and '
        "(2, 3, 5, 6); compare on='encoder' or on='neck' of detectors of the DETR kind"
    )
