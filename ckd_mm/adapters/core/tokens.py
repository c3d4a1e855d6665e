"""The patch tokens of a ViT's blocks as feature maps, without the tokens before them.

`'tokens:-1'` is one block by its number. ViTs of MMPretrain have class and distillation
tokens before those of the patches; models of other libraries hand on maps already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from ckd_mm.adapters.core.pair_spec import Readout
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step

__all__ = ['TOKENS', 'blocks_of', 'map_of_block', 'maps_of_blocks']

TOKENS = 'tokens'


def blocks_of(model: Any) -> Iterable[nn.Module]:
    """The blocks of a ViT; none of a model that is no ViT."""
    if getattr(model, 'kind', '') == 'blocks':  # of another library
        blocks: nn.ModuleList = model.blocks
        return blocks
    backbone = getattr(model, 'backbone', None)
    is_vit = all(hasattr(backbone, name) for name in ('patch_embed', 'final_norm'))
    layers = getattr(backbone, 'layers', None)
    if is_vit and isinstance(layers, nn.ModuleList) and _prefix(model) is not None:
        return layers
    return ()


def map_of_block(model: nn.Module, number: int) -> Readout:
    """How the map (N, D, H, W) of one block is read.

    Numbers below 0 count from the end. The map of the last block is behind the norm
    that the backbone has there.

    Raises:
        ValueError: The model is no ViT, or has no such block.
    """
    numbers = _numbers(model, [number])
    return Readout(_taps(model, numbers), partial(_first_map, _prefix(model)))


def maps_of_blocks(model: nn.Module, numbers: Sequence[int]) -> Readout:
    """The same of several blocks, in the order of `numbers`.

    Raises:
        ValueError: As for one; or `numbers` is no list of integers.
    """
    listed = isinstance(numbers, Sequence) and not isinstance(numbers, str)
    if not listed or not numbers or not all(type(one) is int for one in numbers):
        raise ValueError(
            'blocks must be a list of the numbers of blocks, such as [-1] or [5, 11], '
            f'got {numbers!r}; leave it out to compare the last block'
        )
    taps = _taps(model, _numbers(model, numbers))
    return Readout(taps, partial(_maps, _prefix(model)), num_levels=len(numbers))


def _numbers(model: nn.Module, numbers: Sequence[int]) -> list[int]:
    count = len([*blocks_of(model)])
    if not count:
        raise ValueError(
            f'{type(model).__name__} has no blocks of tokens, as a ViT of MMPretrain '
            'or a teacher of another library has; name a module, such as backbone:-1'
        )
    missing = [one for one in numbers if not -count <= one < count]
    if missing:
        raise ValueError(
            f'there is no {TOKENS}:{missing[0]}, as {type(model).__name__} has {count} '
            f'blocks; name one of {TOKENS}:0 to {TOKENS}:{count - 1}'
        )
    return [one % count for one in numbers]


def _prefix(model: nn.Module) -> int | None:
    """How many tokens are before those of the patches; `None` if maps are handed on."""
    backbone = getattr(model, 'backbone', None)
    return getattr(backbone, 'num_extra_tokens', None)


def _taps(model: nn.Module, numbers: Sequence[int]) -> tuple[Tap, ...]:
    """The outputs of the blocks, and behind them what says the grid of the patches."""
    if _prefix(model) is None:
        return tuple(Tap(f'blocks.{one}') for one in numbers)
    backbone: Any = model.backbone
    last = len(backbone.layers) - 1
    taps = (
        'ln1' if one == last and backbone.final_norm else f'layers.{one}'
        for one in numbers
    )
    return (*(Tap(f'backbone.{one}') for one in taps), Tap('backbone.patch_embed'))


def _first_map(prefix: int | None, values: list[Any], step: Step) -> Tensor:
    return _maps(prefix, values, step)[0]


def _maps(prefix: int | None, values: list[Any], step: Step) -> tuple[Tensor, ...]:
    if prefix is None:
        return tuple(values)
    *blocks, (_, grid) = values
    return tuple(_as_map(one, prefix, tuple(grid)) for one in blocks)


def _as_map(tokens: Any, prefix: int, grid: tuple[int, ...]) -> Tensor:
    """(N, L, D) to (N, D, H, W).

    Raises:
        ValueError: They are no tokens of such a grid.
    """
    found = tuple(tokens.shape) if isinstance(tokens, Tensor) else type(tokens).__name__
    height, width = grid
    if not isinstance(tokens, Tensor) or found[1:-1] != (prefix + height * width,):
        raise ValueError(
            f'a block must return tokens (N, {prefix} + {height} * {width}, D), got '
            f'{found}; compare a module of this backbone, such as backbone:-1'
        )
    return tokens[:, prefix:].transpose(1, 2).unflatten(2, grid)
