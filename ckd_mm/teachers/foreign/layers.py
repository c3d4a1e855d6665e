"""Finds the blocks or stages of a model, by running it once on an image.

Nothing is known of the model but that it takes images. The layers of a ViT are the
longest list of modules that hand tokens on, and those of a CNN or a pyramid the last
modules of each stride from 4 on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

__all__ = ['Layer', 'Layers', 'find_layers', 'first_tensor', 'size_to_try']

SMALLEST_PATCH = 8
"""Models with smaller patches, such as Swin's of 4, merge them in stages."""

MOST_PREFIX_TOKENS = 64
NUM_IMAGES = 2


@dataclass(frozen=True)
class Layer:
    """A module whose output is a map, or becomes one.

    Args:
        module: Its name.
        channels: Of the map.
        stride: The pixels of the image to a cell of the map.
        layout: The order of its output's dimensions; `'NLC'` are tokens.
    """

    module: str
    channels: int
    stride: int
    layout: Literal['NCHW', 'NHWC', 'NLC']


@dataclass(frozen=True)
class Layers:
    """The blocks or stages of a model.

    Args:
        kind: `'blocks'`, `'stages'`, or empty where there are no maps.
        layers: In order.
        prefix: The number of class, register and other tokens before the patches.
        norm: The name of the norm that follows the last block; empty without.
    """

    kind: str = ''
    layers: tuple[Layer, ...] = ()
    prefix: int = 0
    norm: str = ''


@dataclass(frozen=True)
class _Call:
    """What a module got and returned."""

    module: str
    got: Any
    returned: Tensor


def find_layers(
    model: nn.Module, run: Callable[[Tensor], Any], size: tuple[int, int]
) -> Layers:
    """The blocks or stages of a model in eval mode.

    Args:
        model: Any model of images.
        run: Runs it on images (N, 3, H, W).
        size: Height and width of the image that is tried.

    Raises:
        Exception: Whatever the model raises for the image.
    """
    patch, calls = _patch(model), _calls(model, run, size)
    if patch >= SMALLEST_PATCH:
        grid = (size[0] // patch) * (size[1] // patch)
        blocks = _blocks(model, calls, grid)
        if blocks:
            return _as_blocks(blocks, calls, patch, grid)
    stages = tuple(_stages(model, calls, size))
    return Layers('stages', stages) if stages else Layers()


def size_to_try(model: nn.Module) -> tuple[int, int]:
    """The height and the width of an image that shows a model's layers."""
    patch = _patch(model)
    if patch >= SMALLEST_PATCH:
        return 4 * patch, 6 * patch
    return 256, 320


def first_tensor(output: Any) -> Any:
    """What a module returns, or the first of several."""
    while isinstance(output, (list, tuple)) and output:
        output = output[0]
    return output


def _patch(model: nn.Module) -> int:
    """The size of the patches that a convolution cuts; 1 where there is none."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.in_channels == 3:
            sides = {*module.kernel_size, *module.stride}
            return sides.pop() if len(sides) == 1 else 1
    return 1


@torch.no_grad()
def _calls(
    model: nn.Module, run: Callable[[Tensor], Any], size: tuple[int, int]
) -> list[_Call]:
    """The calls of modules that run once and return a tensor, as they end."""
    calls: list[_Call] = []

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            returned = first_tensor(output)
            if isinstance(returned, Tensor):
                calls.append(_Call(name, first_tensor(args), returned))

        return hook

    handles = [
        module.register_forward_hook(note(name))
        for name, module in model.named_modules()
        if name
    ]
    try:
        some = next(model.parameters())
        run(torch.zeros(NUM_IMAGES, 3, *size, device=some.device, dtype=some.dtype))
    finally:
        for handle in handles:
            handle.remove()
    times = Counter(call.module for call in calls)
    return [call for call in calls if times[call.module] == 1]


def _blocks(model: nn.Module, calls: Sequence[_Call], grid: int) -> list[_Call]:
    """The longest list of modules of one type that hand on tokens of one shape."""
    by_name = {call.module: call for call in calls}
    longest: list[_Call] = []
    for name, module in model.named_modules():
        if not isinstance(module, (nn.ModuleList, nn.Sequential)):
            continue
        kinds = {type(one) for one in module}
        found = [
            by_name[child]
            for child in (f'{name}.{one}'.lstrip('.') for one, _ in _children(module))
            if child in by_name
        ]
        shapes = {call.returned.shape for call in found}
        if len(found) != len(module) or len(kinds) != 1 or len(shapes) != 1:
            continue
        if _is_tokens(found[0].returned, grid) and len(found) > len(longest):
            longest = found
    return longest


def _children(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    return iter(module._modules.items())  # type: ignore[arg-type]


def _is_tokens(value: Tensor, grid: int) -> bool:
    return (
        value.ndim == 3
        and len(value) == NUM_IMAGES
        and 0 <= value.shape[1] - grid <= MOST_PREFIX_TOKENS
    )


def _as_blocks(
    blocks: Sequence[_Call], calls: Sequence[_Call], patch: int, grid: int
) -> Layers:
    last = blocks[-1].returned
    norms = [
        call.module
        for call in calls
        if call.got is last and call.returned.shape == last.shape
    ]
    return Layers(
        'blocks',
        tuple(
            Layer(call.module, call.returned.shape[2], patch, 'NLC') for call in blocks
        ),
        prefix=last.shape[1] - grid,
        norm=norms[-1] if norms else '',
    )


def _stages(
    model: nn.Module, calls: Sequence[_Call], size: tuple[int, int]
) -> Iterator[Layer]:
    """The last map of each stride from 4 on, as long as the strides grow."""
    inside = _inside_of_blocks(model, calls, size)
    last: Layer | None = None
    for call in calls:
        layer = _layer(call.module, call.returned, size)
        if layer is None or layer.stride < 4 or inside(call.module):
            continue
        if last is not None and layer.stride < last.stride:
            continue
        if last is not None and layer.stride > last.stride:
            yield last
        last = layer
    if last is not None:
        yield last


def _inside_of_blocks(
    model: nn.Module, calls: Sequence[_Call], size: tuple[int, int]
) -> Callable[[str], bool]:
    """Tells whether a module belongs to the inside of a block or a single stage.

    These take a map and return one of the same stride, or of twice the stride. Their
    lists of modules do not count as inside: Swin has its blocks and the merging of its
    patches in one module.
    """
    blocks = set()
    for call in calls:
        before = _layer('', call.got, size)
        after = _layer('', call.returned, size)
        if before and after and 4 <= before.stride <= after.stride <= 2 * before.stride:
            blocks.add(call.module)

    def inside(name: str) -> bool:
        parents = name.split('.')[:-1]
        begins = ['.'.join(parents[:depth]) for depth in range(1, len(parents) + 1)]
        around = model.get_submodule('.'.join(parents))
        return not isinstance(around, nn.ModuleList) and bool(blocks & {*begins})

    return inside


def _layer(name: str, value: Any, size: tuple[int, int]) -> Layer | None:
    """The layer that hands on this value; `None` if that is no map."""
    if not isinstance(value, Tensor) or value.shape[0] != NUM_IMAGES:
        return None
    shape, (height, width) = tuple(value.shape), size
    if len(shape) == 3:
        stride = round((height * width / max(shape[1], 1)) ** 0.5)
        if stride and (height // stride) * (width // stride) == shape[1]:
            return Layer(name, shape[2], stride, 'NLC')
    if len(shape) == 4:
        for layout, sides, channels in (
            ('NCHW', shape[2:], shape[1]),
            ('NHWC', shape[1:3], shape[3]),
        ):
            stride = height // max(sides[0], 1)
            if (sides[0] * stride, sides[1] * stride) == (height, width):
                return Layer(name, channels, stride, layout)  # type: ignore[arg-type]
    return None
