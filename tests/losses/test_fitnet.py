"""FitNets beside what all losses share."""

from __future__ import annotations

import torch

from ckd_mm.functional import fitnet_loss
from ckd_mm.losses import FitNetLoss


def test_levels_are_summed() -> None:
    student = [torch.randn(2, 2, 6, 5), torch.randn(2, 4, 3, 2)]
    teacher = [torch.randn(2, 3, 6, 5), torch.randn(2, 5, 3, 2)]
    loss = FitNetLoss([2, 4], [3, 5], loss_weight=0.5)
    outputs = [conv(s) for conv, s in zip(loss.regressors, student, strict=True)]
    each = [fitnet_loss(s, t) for s, t in zip(outputs, teacher, strict=True)]
    torch.testing.assert_close(loss(student, teacher), 0.5 * (each[0] + each[1]))


def test_an_embedding_counts_as_a_map_of_one_position() -> None:
    loss = FitNetLoss(2, 3)
    student, teacher = torch.randn(4, 2), torch.randn(4, 3)
    as_maps = loss(student[:, :, None, None], teacher[:, :, None, None])
    assert loss(student, teacher) == as_maps


def test_the_larger_map_is_pooled() -> None:
    large = torch.arange(16.0).reshape(1, 1, 4, 4)
    small = torch.tensor([[[[2.5, 4.5], [10.5, 12.5]]]])
    assert fitnet_loss(large, small) == 0
    assert fitnet_loss(small, large) == 0
    half = fitnet_loss(large[:, :, :2], small[:, :, :, :1])  # means 1.5 and 5.5
    assert half == ((1.5 - 2.5) ** 2 + (5.5 - 10.5) ** 2) / 2
