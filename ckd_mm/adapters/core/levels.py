"""One of several feature maps by its number: `'neck:2'`, `'blocks:-1'`."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn

from ckd_mm.adapters.core.pair_spec import Readout
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.registry import did_you_mean

__all__ = ['maps_of', 'readout_of']


def readout_of(model: nn.Module, name: str) -> Readout:
    """How what a module returns, or one level of it, is read.

    `'neck.fpn_convs.0'` is what the module of this name returns, and `'neck:2'` one of
    the maps that the module returns. In a list of modules, as the blocks of a ViT are,
    the number names a module of the list. Numbers below 0 count from the end.

    Raises:
        ValueError: There is no such level or module.
    """
    module_name, colon, number = name.partition(':')
    if not colon:
        return Readout((Tap(name),))
    index, module = _integer(name, number), _module(model, module_name)
    if not isinstance(module, nn.ModuleList):
        return Readout((Tap(module_name),), partial(_level, module, name, index))
    position = _position(name, index, len(module))
    return Readout((Tap(f'{module_name}.{position}'),))


def maps_of(module: nn.Module | None, maps: Any) -> Any:
    """The maps that a module has returned.

    Those of DetectoRS' backbones are without the image, which they pass on.
    """
    return maps[1:] if getattr(module, 'output_img', False) else maps


def _level(
    module: nn.Module, name: str, index: int, values: list[Any], step: Step
) -> Any:
    maps = maps_of(module, values[0])
    levels = [maps] if isinstance(maps, Tensor) else list(maps)
    return levels[_position(name, index, len(levels))]


def _integer(name: str, number: str) -> int:
    try:
        return int(number)
    except ValueError as error:
        raise ValueError(
            f'{name!r} must end with the number of a level, such as neck:2 or '
            'backbone:-1'
        ) from error


def _position(name: str, index: int, number: int) -> int:
    if not -number <= index < number:
        start = name.partition(':')[0]
        raise ValueError(
            f'{name!r} is not there: {start} has {number} levels, {start}:0 to '
            f'{start}:{number - 1}'
        )
    return index % number


def _module(model: nn.Module, name: str) -> nn.Module:
    modules = dict(model.named_modules())
    if name in modules:
        return modules[name]
    lacking = getattr(model, 'why_no_level', None)  # of models from other libraries
    if lacking is not None:
        raise ValueError(lacking(name))
    hint = did_you_mean(name, [one for one in modules if one and '.' not in one])
    raise ValueError(f'{type(model).__name__} has no module {name!r}{hint}')
