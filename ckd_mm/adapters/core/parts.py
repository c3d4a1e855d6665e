"""What `on` may say, and the pair spec that it means.

`'NAME'` is a part that the adapter knows, `dict(part='NAME', OPTION=...)` the same with
options. `'module:NAME'` and `dict(student=NAME, teacher=NAME)` are any two modules.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from torch import nn

from ckd_mm.adapters.core.levels import of_levels
from ckd_mm.adapters.core.pair_spec import PairSpec, Part, Unavailable
from ckd_mm.registry import did_you_mean

__all__ = ['has_connector', 'is_modules', 'options_of', 'resolve', 'with_connector']


def resolve(
    on: Any,
    known: Mapping[str, Part],
    modules: Callable[[str, str], PairSpec],
    models: str,
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> PairSpec:
    """The pair spec that an `on` means; the caller splits a list of several.

    Args:
        on: What a term says.
        known: The parts of these two models, by name.
        modules: Makes the pair spec of two named modules.
        models: The two models, for errors.
        elsewhere: The models that have other parts, by part.

    Raises:
        ValueError: There is no such part, or it does not take an option.
    """
    if is_modules(on):
        if isinstance(on, dict):
            _check_names(on)
            return modules(on['student'], on['teacher'])
        name = on.removeprefix('module:')
        return modules(name, name)
    if not on or (isinstance(on, dict) and len({'student', 'teacher'} & {*on}) == 1):
        raise ValueError(
            f'on={on!r} names nothing to compare: give the name of a part, or of two '
            'modules with on=dict(student=NAME, teacher=NAME)'
        )
    options = dict(on) if isinstance(on, dict) else {'part': on}
    name = options.pop('part', None)
    part = known.get(name) if isinstance(name, str) else None
    if part is None or isinstance(part, Unavailable):
        who = elsewhere.get(name, '') if isinstance(name, str) else ''
        raise ValueError(_unknown(on, part, known, models, who))
    return _with_options(name, part, options)


def _check_names(on: Mapping[str, Any]) -> None:
    if not all(isinstance(name, str) for name in on.values()):
        raise ValueError(
            f'on={dict(on)!r} must name one module of each model by a string; several '
            'pairs are a list, on=[dict(student=..., teacher=...), ...]'
        )
    plain = {key: name.removeprefix('module:') for key, name in on.items()}
    if plain != dict(on):
        raise ValueError(
            f'on={dict(on)!r} must name two modules, and these have the names of the '
            f'models, without module:; write on={plain!r}'
        )


def is_modules(on: Any) -> bool:
    """Whether it names two modules rather than a part."""
    if isinstance(on, dict):
        return set(on) == {'student', 'teacher'}
    return isinstance(on, str) and on.startswith('module:')


def has_connector(on: Any) -> bool:
    """Whether a layer is to be trained between the student's maps and the teacher.

    Raises:
        ValueError: It is to be trained for one of several parts.
    """
    parts = on if isinstance(on, list) else [on]
    found = any(isinstance(one, dict) and one.get('connector') for one in parts)
    if found and isinstance(on, list):
        raise ValueError(
            f'on={on!r} has several parts, and connector=True is for a term of one '
            'part; give each part a term of its own'
        )
    return found


def with_connector(on: Any, connector: nn.Module | None) -> Any:
    """The `on` with the connector that the run trains in place of `True`."""
    if connector is None:
        return on
    return {**on, 'connector': connector}


def options_of(part: Part) -> dict[str, Any]:
    """The options of a part and their defaults; feature maps have `levels`."""
    if isinstance(part, PairSpec):
        return {'levels': None} if part.levels else {}
    if isinstance(part, Unavailable):
        return {}
    parameters = inspect.signature(part).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}


def _with_options(
    name: str, part: PairSpec | Callable[..., PairSpec], options: dict[str, Any]
) -> PairSpec:
    known = options_of(part)
    for key in options:
        if key not in known:
            hint = did_you_mean(key, known) if known else '; leave it out, it has none'
            raise ValueError(f'on: part {name!r} has no option {key!r}{hint}')
    try:
        if not isinstance(part, PairSpec):
            return part(**options)
        levels = options.get('levels')
        return part if levels is None else of_levels(part, levels)
    except ValueError as error:
        raise ValueError(f'on: part {name!r}: {error}') from error


def _unknown(
    on: Any,
    part: Unavailable | None,
    known: Mapping[str, Part],
    models: str,
    who: str,
) -> str:
    names = [name for name, one in known.items() if not isinstance(one, Unavailable)]
    start = f'unknown on={on!r} for {models}'
    if who:
        start += f', as only {who} have it, and the student is none of them'
    start += did_you_mean(str(on), names)
    if part:
        start = f'on={on!r} cannot be compared for {models}: {part.reason}'
    return (
        f'{start}; any '
        "two modules are compared with on='module:NAME' or "
        'on=dict(student=NAME, teacher=NAME), several parts with a list of these'
    )
