"""OFD beside what all losses with parameters share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ckd_mm.functional import ofd_loss
from ckd_mm.losses import OFDLoss


def row(*values: float) -> Tensor:
    return torch.tensor(values).reshape(1, 1, 1, -1)


def test_a_negative_teacher_asks_for_a_negative_student_only() -> None:
    teacher = row(2.0, -1.0, -3.0)  # margin -2
    assert ofd_loss(row(2.0, -1.5, -2.5), teacher) == 0
    assert ofd_loss(row(2.0, -0.5, -2.5), teacher) == 0.25
    assert ofd_loss(row(2.0, -1.5, -1.0), teacher) == 1.0
    assert ofd_loss(row(0.0, -9.0, -9.0), teacher) == 4.0


def test_margins_are_of_each_channel_and_of_the_whole_batch() -> None:
    teacher = torch.tensor([[[[-1.0]], [[-5.0]]], [[[-3.0]], [[4.0]]]])
    zeros = torch.zeros_like(teacher)  # margins -2 and -5
    assert ofd_loss(zeros, teacher) == (1 + 25 + 4 + 16) / 2


def test_a_teacher_behind_its_relu_has_no_margin() -> None:
    assert ofd_loss(row(-7.0, 3.0, 1.0), row(0.0, 0.0, 2.0)) == 9 + 1


def test_the_teacher_is_pooled_to_the_student() -> None:
    teacher = row(2.0, 4.0, -1.0, -3.0)  # 3 and -2, margin -2
    assert ofd_loss(row(0.0, 0.0), teacher) == 9 + 4


def test_a_level_counts_half_of_the_next_deeper_one() -> None:
    levels = [torch.randn(2, 2, size, size) for size in (4, 2, 1)]
    loss = OFDLoss([2, 2, 2], [2, 2, 2], loss_weight=1.0)
    teachers = [torch.randn_like(level) for level in levels]
    outputs = [conv(s) for conv, s in zip(loss.connectors, levels, strict=True)]
    each = [ofd_loss(s, t) for s, t in zip(outputs, teachers, strict=True)]
    expected = each[0] / 4 + each[1] / 2 + each[2]
    torch.testing.assert_close(loss(levels, teachers), expected)


def test_initialisation_is_the_authors() -> None:
    torch.manual_seed(0)
    loss: Any = OFDLoss(64, 200)
    conv, norm = loss.connectors[0]
    torch.testing.assert_close(conv.weight.std(), torch.tensor(0.1), rtol=0.03, atol=0)
    assert conv.bias is None
    assert norm.weight.eq(1).all()
