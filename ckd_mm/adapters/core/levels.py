"""Some of several feature maps by their numbers.

`'neck:2'` and `'blocks:-1'` are one; the option `levels=[0, 1]` of `'neck'` and
`'backbone'` is several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from ckd_mm.adapters.core.pair_spec import PairSpec, Readout
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.core.tokens import TOKENS, map_of_block
from ckd_mm.registry import did_you_mean

__all__ = ['maps_of', 'number_of_maps', 'of_levels', 'readout_of', 'same_value']


def readout_of(model: nn.Module, name: str) -> Readout:
    """How what a module returns, or one level of it, is read.

    `'neck.fpn_convs.0'` is what the module of this name returns, and `'neck:2'` one of
    the maps that the module returns. In a list of modules, as the blocks of a ViT are,
    the number names a module of the list. `'tokens:2'` is the map of a ViT's block, see
    :mod:`ckd_mm.adapters.core.tokens`. Numbers below 0 count from the end.

    Raises:
        ValueError: There is no such level or module.
    """
    module_name, colon, number = name.partition(':')
    if not colon:
        return Readout((Tap(name),))
    index = _integer(name, number)
    if module_name == TOKENS and not hasattr(model, TOKENS):
        return map_of_block(model, index)
    module = _module(model, module_name)
    owner = getattr(model, 'title', type(model).__name__)
    if not isinstance(module, nn.ModuleList):
        known = number_of_maps(module)
        if known is not None:
            _position(name, index, known, owner)
        return Readout((Tap(module_name),), _Level(module, name, index, owner, known))
    position = _position(name, index, len(module), owner)
    return Readout((Tap(f'{module_name}.{position}'),))


def maps_of(module: nn.Module | None, maps: Any) -> Any:
    """The maps that a module has returned.

    Those of DetectoRS' backbones are without the image, which they pass on.
    """
    return maps[1:] if getattr(module, 'output_img', False) else maps


def same_value(student: Readout, teacher: Readout) -> bool:
    """Whether two readouts of one model are of the same modules and the same level."""
    levels = {
        one.select.from_the_start
        for one in (student, teacher)
        if isinstance(one.select, _Level)
    }
    return student.taps == teacher.taps and len(levels) < 2


def of_levels(spec: PairSpec, levels: Any) -> PairSpec:
    """A pair spec of some of the feature maps of another one.

    Args:
        spec: It has feature maps by level.
        levels: The numbers of those that are compared, in this order; numbers below 0
            count from the end.

    Raises:
        ValueError: They are no such numbers, or a model has no such level. Where only a
            step shows how many it has, the first step says so.
    """
    listed = isinstance(levels, Sequence) and not isinstance(levels, str)
    if not listed or not levels or not all(type(one) is int for one in levels):
        raise ValueError(
            'levels must be a list of the numbers of levels, such as [0, 1, 2, 3], got '
            f'{levels!r}; leave it out to compare all'
        )
    return replace(
        spec,
        student=_of_levels('student', spec.student, levels),
        teacher=_of_levels('teacher', spec.teacher, levels),
    )


def number_of_maps(module: nn.Module | None) -> int | None:
    """How many maps a neck or a backbone returns; `None` if only a step shows it."""
    number = getattr(module, 'num_outs', None)
    indices = getattr(module, 'out_indices', None)
    if type(number) is int:
        return number
    if type(module).__name__ == 'ChannelMapper':  # which keeps no number
        layers: Any = module
        return len(layers.convs) + len(layers.extra_convs or ())
    return len(indices) if isinstance(indices, (list, tuple)) else None


def _of_levels(whose: str, readout: Readout, levels: Sequence[int]) -> Readout:
    _positions(whose, levels, readout.num_levels)

    def chosen(
        select: Callable[[list[Any], Step], Any], values: list[Any], step: Step
    ) -> Any:
        maps = select(values, step)
        maps = [maps] if isinstance(maps, Tensor) else list(maps)
        return tuple(maps[one] for one in _positions(whose, levels, len(maps)))

    return replace(
        readout,
        select=partial(chosen, readout.select),
        num_levels=len(levels),
    )


def _positions(whose: str, levels: Sequence[int], number: int | None) -> list[int]:
    """The levels from the beginning, of so many if that is known.

    Raises:
        ValueError: One is not there, or is there twice.
    """
    if number is not None:
        missing = [one for one in levels if not -number <= one < number]
        if missing:
            raise ValueError(
                f'levels={list(levels)!r} must be in both models, but the {whose} '
                f'has {number} levels, 0 to {number - 1}, and no level {missing[0]}; '
                'name levels that both have'
            )
        levels = [one % number for one in levels]
    if len({*levels}) < len(levels):
        raise ValueError(
            f'levels={list(levels)!r} must name each level once; to weigh one more, '
            'give it a term of its own'
        )
    return list(levels)


@dataclass(frozen=True)
class _Level:
    """One of the maps that a module returns, of `number` maps if that is known."""

    module: nn.Module
    name: str
    index: int
    owner: str
    number: int | None

    @property
    def from_the_start(self) -> int:
        """Its number, counted from the first map where that is known."""
        return self.index % self.number if self.number else self.index

    def __call__(self, values: list[Any], step: Step) -> Any:
        maps = maps_of(self.module, values[0])
        levels = [maps] if isinstance(maps, Tensor) else list(maps)
        return levels[_position(self.name, self.index, len(levels), self.owner)]


def _integer(name: str, number: str) -> int:
    try:
        return int(number)
    except ValueError as error:
        raise ValueError(
            f'{name!r} must end with the number of a level, such as neck:2 or '
            'backbone:-1'
        ) from error


def _position(name: str, index: int, number: int, owner: str) -> int:
    if not -number <= index < number:
        start = name.partition(':')[0]
        raise ValueError(
            f'{name!r} is not there: {start} has {number} levels, {start}:0 to '
            f'{start}:{number - 1}, in {owner}'
        )
    return index % number


def _module(model: Any, name: str) -> nn.Module:
    modules = dict(model.named_modules())
    if name in modules:
        return modules[name]
    if hasattr(model, 'why_no_level'):  # of other libraries
        raise ValueError(model.why_no_level(name))
    hint = did_you_mean(name, [one for one in modules if one and '.' not in one])
    raise ValueError(f'{type(model).__name__} has no module {name!r}{hint}')
