"""Pooling to a size: the values of `adaptive_avg_pool2d`, and a gradient of ours."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._sizes import add_pooled_gradient, pooled_to, resized

SIZES = pytest.mark.parametrize(
    'size', [(8, 12), (4, 6), (2, 12), (1, 1), (3, 5), (7, 11), (8, 5), (3, 4)], ids=str
)


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@SIZES
@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_those_of_pytorch(
    size: tuple[int, int], layout: torch.memory_format
) -> None:
    maps = draw(2, 3, 8, 12).to(memory_format=layout).requires_grad_()
    slopes = draw(2, 3, *size, seed=1)
    found, expected = pooled_to(maps, size), F.adaptive_avg_pool2d(maps, size)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    gradients = [
        torch.autograd.grad((pooled * slopes).sum(), maps)[0]
        for pooled in (found, expected)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-14)
    by_hand = torch.zeros_like(maps)
    add_pooled_gradient(by_hand, slopes, scale=0.5)
    torch.testing.assert_close(2 * by_hand, gradients[1], rtol=1e-12, atol=1e-14)


def test_maps_of_the_size_stay_as_they_are() -> None:
    maps = draw(2, 3, 8, 12)
    assert pooled_to(maps, (8, 12)) is maps


@pytest.mark.parametrize('size', [(16, 24), (11, 29), (8, 13)], ids=str)
def test_a_map_that_grows_is_interpolated_as_by_pytorch(size: tuple[int, int]) -> None:
    maps = draw(2, 3, 8, 12).requires_grad_()
    slopes = draw(2, 3, *size, seed=1)
    found = resized(maps, size)
    expected = F.interpolate(maps, size, mode='bilinear', align_corners=False)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    gradients = [
        torch.autograd.grad((made * slopes).sum(), maps)[0]
        for made in (found, expected)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-14)


def test_an_axis_that_shrinks_is_averaged_beside_one_that_grows() -> None:
    maps = draw(2, 3, 8, 12)
    assert torch.equal(resized(maps, (3, 5)), pooled_to(maps, (3, 5)))
    wide = F.interpolate(maps, (8, 20), mode='bilinear', align_corners=False)
    expected = F.adaptive_avg_pool2d(wide, (3, 20))
    torch.testing.assert_close(resized(maps, (3, 20)), expected, rtol=1e-12, atol=1e-14)
