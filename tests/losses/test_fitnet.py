"""FitNets beside what all losses share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ckd_mm.functional import fitnet_loss
from ckd_mm.losses import FitNetLoss


def test_levels_are_summed() -> None:
    student = [torch.randn(2, 2, 6, 5), torch.randn(2, 4, 3, 2)]
    teacher = [torch.randn(2, 3, 6, 5), torch.randn(2, 5, 3, 2)]
    loss = FitNetLoss([2, 4], [3, 5], loss_weight=0.5, norm=False, relu=False)
    outputs = [conv(s) for conv, s in zip(loss.regressors, student, strict=True)]
    each = [fitnet_loss(s, t) for s, t in zip(outputs, teacher, strict=True)]
    torch.testing.assert_close(loss(student, teacher), 0.5 * (each[0] + each[1]))


def test_an_embedding_counts_as_a_map_of_one_position() -> None:
    loss = FitNetLoss(2, 3)
    student, teacher = torch.randn(4, 2), torch.randn(4, 3)
    as_maps = loss(student[:, :, None, None], teacher[:, :, None, None])
    assert loss(student, teacher) == as_maps


def authors_regressor(loss: FitNetLoss) -> nn.Sequential:
    """`ConvReg` of RepDistiller and mdistiller for maps of one size."""
    (conv,), (norm,) = loss.regressors, loss.norms
    stock = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.ReLU())
    # their convolution's bias, which BatchNorm takes away, stays
    stock[0].load_state_dict(conv.state_dict(), strict=False)
    stock[1].load_state_dict(norm.state_dict())
    return stock


def test_it_is_the_authors_regressor_in_value_gradient_and_statistics() -> None:
    loss = FitNetLoss(2, 3)
    stock = authors_regressor(loss)
    student, teacher = torch.randn(4, 2, 6, 5), torch.randn(4, 3, 6, 5)
    value = loss(student, teacher)
    expected = F.mse_loss(stock(student), teacher)
    value.backward()
    expected.backward()
    torch.testing.assert_close(value, expected)
    (conv,), (norm,) = loss.regressors, loss.norms
    torch.testing.assert_close(conv.weight.grad, stock[0].weight.grad)
    torch.testing.assert_close(norm.weight.grad, stock[1].weight.grad)
    # the backward pass, which normalises again, counts the batch once
    torch.testing.assert_close(norm.running_mean, loss_mean(stock))
    assert norm.num_batches_tracked == stock[1].num_batches_tracked == 1


def loss_mean(stock: nn.Sequential) -> Tensor:
    """The running mean without the share of the bias that is not there."""
    state = stock.state_dict()
    return state['1.running_mean'] - 0.1 * state['0.bias']


def test_negative_values_of_a_neck_are_reached_without_the_relu() -> None:
    """Behind the ReLU the least loss is the mean square of what is negative."""
    teacher = -torch.ones(2, 3, 4, 4)
    student = torch.randn(2, 2, 4, 4)
    ends = {}
    for relu in (True, False):
        loss = FitNetLoss(2, 3, relu=relu)
        optimizer = torch.optim.SGD(loss.parameters(), lr=0.3)
        for _ in range(30):
            optimizer.zero_grad()
            loss(student, teacher).backward()
            optimizer.step()
        ends[relu] = float(loss(student, teacher))
    assert ends[True] >= 1 > 0.1 > ends[False]


def test_the_larger_map_is_pooled() -> None:
    large = torch.arange(16.0).reshape(1, 1, 4, 4)
    small = torch.tensor([[[[2.5, 4.5], [10.5, 12.5]]]])
    assert fitnet_loss(large, small) == 0
    assert fitnet_loss(small, large) == 0
    half = fitnet_loss(large[:, :, :2], small[:, :, :, :1])  # means 1.5 and 5.5
    assert half == ((1.5 - 2.5) ** 2 + (5.5 - 10.5) ** 2) / 2
