"""Boxes that a head may give and that are none."""

from __future__ import annotations

import pytest
import torch

from ckd_mm.functional import boxioukd_loss

TEACHER = torch.tensor([[0.0, 0.0, 1.0, 1.0]])


@pytest.mark.parametrize('mode', ['iou', 'giou'])
def test_a_box_that_is_turned_inside_out_has_no_area(mode: str) -> None:
    inside_out = torch.tensor([[1.0, 0.0, 0.5, 1.0]], requires_grad=True)
    value = boxioukd_loss(inside_out, TEACHER, torch.ones(1), mode=mode)
    assert value.item() == pytest.approx(1)
    value.backward()
    assert inside_out.grad is not None and inside_out.grad.isfinite().all()


def test_scores_of_zero_alone_give_zero() -> None:
    student = 2 * TEACHER
    assert boxioukd_loss(student, TEACHER, torch.zeros(1)) == 0
