"""Reference pages that the code itself writes: options, losses, tools, modules."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import io
import runpy
import sys
from collections.abc import Iterable
from typing import Any
from unittest import mock

import setuptools

import ckd_mm.hooks
from ckd_mm.engine.sample_weights import has_rows
from ckd_mm.registry import ADAPTERS, LOSSES, SCHEDULES, TEACHERS, WEIGHERS
from ckd_mm.teachers import PeerKind
from ckd_mm.teachers.base import TeacherKind
from ckd_mm.teachers.reading import options_of
from maintenance.pages import ROOT

__all__ = ['extras', 'losses', 'modules', 'options', 'texts', 'tools']

PACKAGES = {
    'hooks': 'Hooks of MMEngine',
    'losses': 'Losses, as a config names them',
    'weighers': 'Weights of the rows of a loss',
    'functional': 'Losses and statistics as functions of tensors',
    'teachers': 'Kinds of teachers, and how they are loaded',
    'adapters': 'From a training step to pairs of tensors',
    'engine.schedules': 'Weights over time',
    'engine.gradient_share': 'A weight by a share of the gradient',
    'engine.distiller': 'One step',
    'registry': 'Registries for what you add',
}

ENVIRONMENT = {'COLUMNS': '80', 'HF_HUB_OFFLINE': '1', 'TRANSFORMERS_OFFLINE': '1'}
"""Of scripts that are asked for help: the width, and what some would restart for."""


def texts() -> dict[str, str]:
    """The pages by their address."""
    pages = {
        'reference/options.md': options(),
        'reference/losses.md': losses(),
        'reference/tools.md': tools(),
    }
    for package, title in PACKAGES.items():
        pages[f'reference/api/{package.replace(".", "_")}.md'] = modules(package, title)
    return pages


def options() -> str:
    """The options of the hook, its teachers and schedules, and what is compared."""
    return f"""# Options

The entries of `dict(type='DistillationHook', ...)` in a config. This page is written
from the code.

## The hook

{_table(('option', 'default'), _arguments(_registered_hook()))}

::: ckd_mm.hooks.DistillationHook
    options:
      show_root_heading: false
      show_root_toc_entry: false
      members: false

## `teacher`

What each option says: [Teachers](../teachers.md) and
[Teachers from other libraries](../foreign_teachers.md).

{_classes(TEACHERS.module_dict)}

## `peers`

What each option says: [Train models together](../how_to/peers.md).

{_table(('option', 'default'), _fields(PeerKind))}

## `schedule`

What each option says: [Schedules](../schedules.md).

{_classes(SCHEDULES.module_dict)}

## `sample_weight`

What each is for: [Samples that count differently](../how_to/sample_weights.md).

{_weighers()}

## `on`

The first adapter that supports the student is taken. Those of plugins come first, and
`DetectionAdapter` and `ModuleAdapter` last. Two models of a family may lack a value:
`tools/inspect_distillation.py` says which. Any two modules are compared with
`module:NAME`. What each value compares: [What can be compared](../adapters.md).

{_table(('adapter', 'for', 'values of `on`'), _adapters())}

## `loss`

[Losses and their arguments](losses.md).

## Extras

`pip install 'ckd_mm[NAME]'` installs more packages. [Installation](../install.md) says
when none of them is wanted.

{extras()}
"""


def losses() -> str:
    """Each registered loss with its arguments."""
    found = ['# Losses and their arguments', '']
    found += ['A card has the formula and when a loss helps. The class has its', '']
    found[-2] += ' arguments in words. An argument without a default must be given.'
    for name, cls in sorted(LOSSES.module_dict.items()):
        card = name.removesuffix('Loss').lower()
        asked = _needs(cls.forward)
        found += [f'## {name}', '', f'{_summary(cls)}', '']
        found += [f'[Card](../methods/{card}.md), [class](api/losses.md#{_path(cls)}).']
        found += [f'Beside student and teacher it asks for {asked}.'] if asked else []
        found += ['Its rows can have weights.'] if has_rows(cls) else []
        found += ['', _table(('argument', 'default'), _arguments(cls)), '']
    return '\n'.join(found)


def tools() -> str:
    """What each script in `tools` says to `--help`."""
    found = ['# Commands', '', 'What each script says to `--help`.', '']
    for path in sorted((ROOT / 'tools').glob('*.py')):
        source = path.read_text(encoding='utf-8')
        if 'ArgumentParser' in source:
            found += [f'## {path.name}', '', f'```text\n{_help(path.name)}```', '']
    return '\n'.join(found)


def extras() -> str:
    """The optional dependencies of setup.py."""
    with mock.patch.object(setuptools, 'setup') as called:
        runpy.run_path(str(ROOT / 'setup.py'))
    rows = (
        (f'`{name}`', ', '.join(f'`{package}`' for package in packages))
        for name, packages in called.call_args.kwargs['extras_require'].items()
    )
    return _table(('extra', 'installs'), rows)


def modules(package: str, title: str) -> str:
    """The page of a package, which mkdocstrings fills."""
    name = f'ckd_mm.{package}'
    hidden = 'show_root_heading: false\n      show_root_toc_entry: false'
    return f'# {title}\n\n`{name}`\n\n::: {name}\n    options:\n      {hidden}\n'


def _classes(known: dict[str, type]) -> str:
    """A table for each class of a registry, with its summary."""
    found = []
    for name, cls in known.items():
        if cls.__module__.startswith('ckd_mm.'):
            key = getattr(cls, 'key', '')
            given = f"`{key}=`, or `type='{name}'`" if key else f"`type='{name}'`"
            found += [f'### {name}', '', f'{_summary(cls)} Given by {given}.', '']
            found += [_table(('option', 'default'), _fields(cls)), '']
    return '\n'.join(found)


def _weighers() -> str:
    """A table for each weigher, with what it asks for."""
    found = []
    for name, cls in sorted(WEIGHERS.module_dict.items()):
        if cls.__module__.startswith('ckd_mm.'):
            asked = _needs(cls.forward)
            beside = f' It asks for {asked}.' if asked else ''
            found += [f'### {name}', '', f'{_summary(cls)}{beside}', '']
            found += [_table(('option', 'default'), _arguments(cls)), '']
    return '\n'.join(found)


def _adapters() -> Iterable[tuple[str, ...]]:
    for name, cls in ADAPTERS.module_dict.items():
        if cls.__module__.startswith('ckd_mm.'):
            parts = (*cls.map_parts, *cls.head_parts)
            yield f'`{name}`', _summary(cls), ', '.join(f'`{part}`' for part in parts)


def _arguments(cls: Any) -> Iterable[tuple[str, ...]]:
    for name, parameter in inspect.signature(cls).parameters.items():
        needed = parameter.default is inspect.Parameter.empty
        yield f'`{name}`', 'must be given' if needed else f'`{parameter.default!r}`'


def _fields(cls: Any) -> Iterable[tuple[str, ...]]:
    missing = dataclasses.MISSING
    is_teacher = issubclass(cls, TeacherKind)
    options = options_of(cls).values() if is_teacher else dataclasses.fields(cls)
    needed = (getattr(cls, 'key', ''), *getattr(cls, 'needed', ()))
    for field in options:
        if field.name in needed:
            yield f'`{field.name}`', 'must be given'
        elif field.default is not missing:
            yield f'`{field.name}`', f'`{field.default!r}`'
        elif field.default_factory is not missing:
            yield f'`{field.name}`', f'`{field.default_factory()!r}`'
        else:
            yield f'`{field.name}`', 'must be given'


def _needs(forward: Any) -> str:
    """What a loss or a weigher asks for beside student and teacher."""
    names = list(inspect.signature(forward).parameters)[3:]
    names = [name for name in names if name != 'reduction']
    return ', '.join(f'`{name}`' for name in names)


def _registered_hook() -> type:
    return ckd_mm.hooks.DistillationHook


def _path(cls: type) -> str:
    return f'ckd_mm.losses.{cls.__name__}'


def _summary(cls: type) -> str:
    """The first sentence of a docstring that follows a pointer, as Markdown."""
    text = ' '.join((inspect.getdoc(cls) or '').split('\n\n')[0].split())
    return text.replace(':func:', '').replace(':class:', '').replace(':mod:', '')


def _help(name: str) -> str:
    """What a script prints, run in this process: its imports are there already."""
    printed = io.StringIO()
    arguments = [name, '--help']
    with (
        mock.patch.object(sys, 'argv', arguments),
        mock.patch.object(sys, 'path', [str(ROOT / 'tools'), *sys.path]),
        mock.patch.dict('os.environ', ENVIRONMENT),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        runpy.run_path(str(ROOT / 'tools' / name), run_name='__main__')
    return printed.getvalue()


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ('---',) * len(head), *rows]
    escaped = ([cell.replace('|', r'\|') for cell in line] for line in lines)
    return '\n'.join(f'| {" | ".join(line)} |' for line in escaped)
