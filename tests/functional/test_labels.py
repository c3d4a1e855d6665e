"""The labels of every loss that needs them; what DKD alone does is in `test_dkd.py`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import dkd_loss, nkd_loss, ofa_loss, pld_loss, rld_loss

Loss = Callable[..., Tensor]
LOSSES: dict[str, Loss] = {
    'dkd': dkd_loss,
    'nkd': nkd_loss,
    'ofa': partial(ofa_loss, epsilon=1.5),  # at 1 the labels cancel out
    'pld': pld_loss,
    'rld': rld_loss,
}
EACH = pytest.mark.parametrize('loss', LOSSES.values(), ids=LOSSES.keys())


def draw_pair() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 4, 5, generator=generator)
    return student, teacher


@EACH
def test_soft_labels_count_by_their_largest_class(loss: Loss) -> None:
    hard = torch.tensor([0, 4, 2, 2])
    soft = 0.6 * torch.eye(5)[hard] + 0.4 * torch.eye(5)[hard.roll(1)]
    assert loss(*draw_pair(), soft) == loss(*draw_pair(), hard)
    assert loss(*draw_pair(), hard) != loss(*draw_pair(), hard.roll(1))


@EACH
def test_labels_may_be_of_any_integer_type(loss: Loss) -> None:
    target = torch.tensor([0, 4, 2, 2])
    expected = loss(*draw_pair(), target)
    assert loss(*draw_pair(), target.to(torch.uint8)) == expected


@EACH
def test_labels_of_another_form_are_named(loss: Loss) -> None:
    with pytest.raises(ValueError, match=r'got \(3,\) of torch.int64; check what the'):
        loss(*draw_pair(), torch.zeros(3, dtype=torch.long))


@pytest.mark.parametrize('loss', [dkd_loss, nkd_loss, rld_loss])
def test_a_loss_of_the_other_classes_refuses_a_one_class_head(loss: Loss) -> None:
    logits = torch.zeros(4, 1)
    with pytest.raises(ValueError, match=r'at least 2 classes, got \(4, 1\)'):
        loss(logits, logits, torch.zeros(4, dtype=torch.long))
