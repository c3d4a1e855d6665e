"""Maps in half precision are upcast for a loss, and kept as they came."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.live_memory import LiveMemory
from ckd_mm.functional._upcast import upcast

WEIGHT = torch.randn(4, 4, 1, 1)


def draw(layout: torch.memory_format = torch.contiguous_format) -> Tensor:
    maps = torch.randn(2, 4, 8, 8).to(torch.bfloat16, memory_format=layout)
    return maps.requires_grad_()


def error(maps: Tensor) -> Tensor:
    """A convolution and a product of the flattened maps: both keep the maps."""
    weight = WEIGHT.clone().requires_grad_()
    flat = maps.flatten(2)
    return F.conv2d(maps, weight).square().sum() + (flat @ flat.mT).square().sum()


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_the_gradient_is_that_of_maps_that_are_kept_wide(
    layout: torch.memory_format,
) -> None:
    maps = draw(layout)
    with upcast([(maps, maps)]) as (wide,):
        assert wide.dtype == torch.float32
        value = error(wide)
    expected = error(maps.float())
    assert value == expected
    gradients = [torch.autograd.grad(each, maps)[0] for each in (value, expected)]
    assert torch.equal(*gradients)


def test_nothing_wide_is_kept() -> None:
    maps = draw()
    with LiveMemory([maps]) as live:
        with upcast([(maps, maps)]) as (wide,):
            value = F.conv2d(wide, WEIGHT.clone().requires_grad_()).sum()
        del wide
    assert live.peak >= 4 * maps.numel()
    assert live.live < 4 * maps.numel()
    value.backward()


def test_float32_maps_stay_as_they_are() -> None:
    maps = torch.randn(2, 4, 8, 8)
    with upcast([(maps, maps.bfloat16()), (maps.bfloat16(), maps)]) as (first, second):
        assert first is maps
        assert second.dtype == torch.float32


def test_maps_that_are_changed_before_the_backward_pass_are_refused() -> None:
    maps = draw().detach()
    with upcast([(maps, maps)]) as (wide,):
        value = F.conv2d(wide, WEIGHT.clone().requires_grad_()).sum()
    maps.relu_()
    with pytest.raises(RuntimeError, match='changed in place between the forward'):
        value.backward()
