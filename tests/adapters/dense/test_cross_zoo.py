"""Heads of the zoo whose boxes are no plain distances or deltas, and VFNet."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.testing import assert_allclose
from torch import Tensor

from ..pairs import pair, pairs
from .zoo import batch, flat, inputs_of, zoo


def by_hand(kind: str, outs: Any) -> Tensor:
    """x1, y1, x2, y2 around a point at 0, as the head's own prediction has them."""
    found = flat(outs[1], 4).flatten(0, 1)
    if kind == 'RepPoints':
        return found
    left_top, right_bottom = (found.exp() if kind == 'FoveaBox' else found).split(2, 1)
    return torch.cat([-left_top, right_bottom], 1)


@pytest.mark.parametrize('kind', ['VFNet', 'FoveaBox', 'RepPoints'])
def test_boxes_through_the_teacher_are_those_that_it_predicts(kind: str) -> None:
    """Of VFNet the refined ones."""
    student, teacher = zoo(kind), zoo(kind, 1).requires_grad_(False).eval()
    data = batch(kind)
    terms: dict[str, Any] = {
        name: (f'cross_{name}', ()) for name in ('logits', 'boxes')
    }
    found = pairs(student, teacher, data, terms)
    with torch.no_grad():
        outs = teacher.bbox_head(teacher.extract_feat(inputs_of(teacher, data)))
    assert_allclose(
        found['boxes']['teacher'], by_hand(kind, outs), rtol=1e-3, atol=1e-4
    )
    logits = flat(outs[0], 10).flatten(0, 1)
    assert_allclose(found['logits']['teacher'], logits, rtol=1e-3, atol=1e-4)
    for one in found.values():
        assert one['student'].requires_grad and one['student'].isfinite().all()


def test_boxes_of_anchors_that_a_head_makes_are_refused() -> None:
    student, teacher = zoo('GARetinaNet'), zoo('GARetinaNet', 1)
    with pytest.raises(ValueError, match='makes its own anchors'):
        pair(student, teacher, batch('GARetinaNet'), 'cross_boxes')
