"""Bytes and launches are counted as a reader would count them by hand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.live_memory import cost

BYTES = 4000  # of 1000 numbers in float32


def real_or_fake(is_fake: bool) -> FakeTensorMode | nullcontext[None]:
    return FakeTensorMode() if is_fake else nullcontext()


def chain(x: Tensor) -> None:
    x.exp().sin().sum().backward()


@pytest.mark.parametrize('is_fake', [False, True])
def test_what_autograd_saves_is_alive_until_it_is_used(is_fake: bool) -> None:
    """In the backward pass: exp(x), cos(exp(x)) and the gradient behind it."""
    with real_or_fake(is_fake):
        x = torch.randn(1000, requires_grad=True)
        found = cost(lambda: chain(x), known=[x])
    assert 3 * BYTES <= found.peak <= 3 * BYTES + 16
    assert found.launches == 3 + 1 + 3  # forward, the 1 it starts from, backward


def test_views_and_what_was_there_before_cost_nothing() -> None:
    x = torch.randn(10, 100)
    found = cost(lambda: x.T.reshape(100, 10)[3:].flatten(), known={'a': [x]})
    assert found.launches == 1  # the copy that `flatten` makes
    assert found.peak == 97 * 10 * 4


@pytest.mark.parametrize('loss', [F.mse_loss, F.smooth_l1_loss])
@pytest.mark.parametrize('is_fake', [False, True])
def test_a_mean_error_keeps_the_storage_of_all_errors(
    loss: Callable[..., Tensor], is_fake: bool
) -> None:
    """PyTorch computes them in the tensor that it returns as a scalar."""
    with real_or_fake(is_fake):
        x, y = torch.randn(2, 1000)
        found = cost(lambda: loss(x, y), known=[x, y])
    assert BYTES <= found.peak <= BYTES + 4
