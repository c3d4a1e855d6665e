"""Registries of losses, weighers, adapters and more, for us and for plugins.

A user adds a loss in a file that `custom_imports` names:

    from ckd_mm.registry import LOSSES

    @LOSSES.register_module()
    class MyLoss(nn.Module): ...

The registries have no parent. With MMEngine's default scope set to `mmdet` or
`mmpretrain`, a child of `MODELS` would search there first and miss the classes of this
package.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec

from mmengine.registry import Registry

__all__ = [
    'ADAPTERS',
    'LOSSES',
    'SCHEDULES',
    'TEACHERS',
    'WEIGHERS',
    'build',
    'checks_names',
    'did_you_mean',
]

P = ParamSpec('P')

LOSSES = Registry('distillation loss', scope='ckd_mm')
ADAPTERS = Registry('distillation adapter', scope='ckd_mm')
TEACHERS = Registry('teacher', scope='ckd_mm')
SCHEDULES = Registry('schedule', scope='ckd_mm')
WEIGHERS = Registry('weigher', scope='ckd_mm')


def build(registry: Registry, config: dict[str, Any]) -> Any:
    """Build an object from `dict(type=NAME, **arguments)`.

    Raises:
        ValueError: The name is not registered, or the class refuses its arguments.
    """
    if not isinstance(config, dict) or 'type' not in config:
        raise ValueError(
            f'a {registry.name} is given as dict(type=NAME, ...), got {config!r}'
        )
    arguments = dict(config)
    name = arguments.pop('type')
    cls = registry.get(name) if isinstance(name, str) else name
    if cls is None:
        raise ValueError(
            f'unknown {registry.name} '
            f'{name!r}{did_you_mean(name, registry.module_dict)}'
        )
    try:
        return cls(**arguments)
    except TypeError as error:
        raise ValueError(
            f'{cls.__name__} does not take {arguments}: {error}'
        ) from error


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The tail of an error about an unknown name: near matches, or all names."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=5, cutoff=0.5)
    if near:
        return '; did you mean ' + ' or '.join(map(repr, near)) + '?'
    shown = ', '.join(map(repr, known[:20])) + (', ...' if len(known) > 20 else '')
    return f'; known are {shown}'


def checks_names(init: Callable[P, None]) -> Callable[P, None]:
    """Have `__init__` refuse a misspelt or missing argument with a sentence.

    Raises:
        ValueError: By what is returned, with near names. Python raises a TypeError.
    """
    parameters = list(inspect.signature(init).parameters.values())[1:]
    known = [one.name for one in parameters]
    needed = [one.name for one in parameters if one.default is one.empty]

    @functools.wraps(init)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        subject = type(args[0]).__name__
        for name in kwargs:
            if name not in known:
                hint = did_you_mean(name, known)
                raise ValueError(f'{subject} has no option {name!r}{hint}')
        given = {*known[: len(args) - 1], *kwargs}
        if missing := [repr(name) for name in needed if name not in given]:
            raise ValueError(f'{subject} needs {" and ".join(missing)}; give them')
        init(*args, **kwargs)

    return checked
