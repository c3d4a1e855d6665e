"""Which positions of a map lie inside of an image of a padded batch."""

from __future__ import annotations

import torch

from ckd_mm.functional import gram_loss
from ckd_mm.functional._padding import mean_inside, sizes_inside


def test_a_position_is_inside_where_its_centre_is() -> None:
    """Cells of 8 x 10 pixels, whose centres are at 4, 12, 20 and at 5, 15."""
    shapes = [(24, 20), (13, 20), (12, 15), (3, 5), (21, 16)]
    found = sizes_inside((3, 2), shapes, (24, 20))
    assert found == [(3, 2), (2, 2), (1, 1), (1, 1), (3, 2)]


def test_nothing_is_left_out_of_a_batch_without_padding() -> None:
    assert sizes_inside((3, 2), [(24, 20), (21, 16)], (24, 20)) is None
    assert sizes_inside((3, 2), None, None) is None


def test_a_mean_does_not_see_what_is_left_out() -> None:
    values = torch.tensor([[[1.0, 2.0]], [[6.0, float('nan')]]])
    assert mean_inside(values, [(8, 16), (8, 8)], (8, 16)) == 3


def test_what_a_gram_loss_leaves_out_gets_no_gradient() -> None:
    student, teacher = torch.randn(2, 3, 2, 4), torch.randn(2, 5, 2, 4)
    student.requires_grad_()
    shapes = [(16, 32), (16, 16)]
    gram_loss(student, teacher, shapes, (16, 32)).backward()
    assert student.grad is not None
    assert student.grad[0].all() and student.grad[1, ..., :2].all()
    assert not student.grad[1, ..., 2:].any()


def test_both_ways_to_a_gram_loss_give_one_value_and_gradient() -> None:
    """Eight positions: of 3 and 5 channels by channels, of 3 and 9 by positions."""
    student = torch.randn(2, 3, 2, 4, dtype=torch.float64, requires_grad=True)
    narrow = torch.randn(2, 5, 2, 4, dtype=torch.float64)
    wide = torch.cat([narrow, torch.zeros(2, 4, 2, 4, dtype=torch.float64)], dim=1)
    shapes = [(16, 32), (16, 16)]
    values = [gram_loss(student, one, shapes, (16, 32)) for one in (narrow, wide)]
    torch.testing.assert_close(*values, rtol=1e-12, atol=1e-14)
    gradients = [torch.autograd.grad(value, student)[0] for value in values]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-12)
