"""Read and check what is to be compared, before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hub import get_config

from ckd_mm.checks import integer
from ckd_mm.commands.arguments import LIBRARIES
from ckd_mm.commands.presets import add_hook, add_imports, default_terms
from ckd_mm.compare.teachers import check_teachers
from ckd_mm.hooks import DistillationHook
from ckd_mm.registry import did_you_mean

__all__ = ['ALONE', 'Comparison', 'read_comparison']

ALONE = 'student alone'
KEYS = (
    'base',
    'teacher',
    'methods',
    'metric',
    'more_metrics',
    'seeds',
    'cfg_options',
    'custom_imports',
    'groups',
)
METHOD_KEYS = ('distill', 'student_loss_weight', 'teacher', 'first')
BASE_KEYS = ('config', 'cfg_options')


@dataclass(frozen=True)
class Comparison:
    """Several methods that are compared with a student alone.

    Attributes:
        source: The file it was read from.
        metric: Key of a validation metric.
        seeds: The seeds of every method.
        students: Config of each method by its name, the student alone first.
        more_metrics: What is shown beside the metric.
        alone: The student alone that a method is compared with, by method, where there
            are several.
        firsts: Config of the training that a method begins after, by method.
        groups: Methods that are settings of one thing, by the name of the group.
    """

    source: Path
    metric: str
    seeds: list[int]
    students: dict[str, Config]
    more_metrics: Sequence[str] = ()
    alone: Mapping[str, str] = field(default_factory=dict)
    firsts: Mapping[str, Config] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def baseline(self, method: str) -> str:
        """The student alone that a method is compared with."""
        return self.alone.get(method, ALONE)

    @property
    def metrics(self) -> list[str]:
        """All metrics that the validation must give."""
        return [self.metric, *self.more_metrics]

    def departures(self) -> dict[str, list[str]]:
        """The keys in which methods' configs differ from the base, by method.

        Hooks and imports do not count. Such a difference is in schedule, data or model,
        so that more than the method is compared.
        """
        found = {}
        for name, cfg in self.students.items():
            base = _bare(self.students[self.baseline(name)])
            content = _bare(cfg)
            keys = sorted(base.keys() | content.keys())
            found[name] = [key for key in keys if base.get(key) != content.get(key)]
        return {name: keys for name, keys in found.items() if keys}


def read_comparison(
    path: str | Path, options: dict[str, Any] | None = None
) -> Comparison:
    """Read a comparison's config and check all that can be checked without training.

    Args:
        path: An MMEngine config with `base`, `methods`, `metric` and `seeds`, and
            optionally `teacher`, `more_metrics`, `cfg_options` and `custom_imports`.
        options: Changes to it, as `--cfg-options` gives them.

    Raises:
        ValueError: Something in it is wrong; the message names it.
    """
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(options or {})
    content = cfg.to_dict()
    _check_keys(content)
    methods = _named(content['methods'])
    students: dict[str, Config] = {}
    alone: dict[str, str] = {}
    firsts: dict[str, Config] = {}
    for prefix, base in _bases(content['base']).items():
        students[prefix + ALONE] = base
        for name, method in methods.items():
            title = prefix + name
            first, rest = _split_first(name, method, content.get('teacher'))
            students[title] = _student(name, rest, base, content.get('teacher'))
            if first is not None:
                firsts[title] = first
        alone |= {prefix + name: prefix + ALONE for name in [ALONE, *methods]}
    modules = (content.get('custom_imports') or {}).get('imports', [])
    modules = [modules] if isinstance(modules, str) else modules
    for name, student in students.items():
        student.merge_from_dict(content.get('cfg_options') or {})
        add_imports(student, ['ckd_mm', *modules])
        _check_student(name, student)
    for first in firsts.values():
        add_imports(first, ['ckd_mm', *modules])
    hooks = map(_hook, [*students.values(), *firsts.values()])
    check_teachers([hook for hook in hooks if hook])
    return Comparison(
        Path(path),
        content['metric'],
        list(content['seeds']),
        students,
        content.get('more_metrics', []),
        alone,
        firsts,
        _groups(content.get('groups') or {}, methods),
    )


def _bases(base: Any) -> dict[str, Config]:
    """The students alone, by what stands before the names of their methods."""
    if not isinstance(base, dict):
        return {'': _base('base', base)}
    if not base:
        raise ValueError('base must have at least one entry, got {}')
    return {f'{name}: ': _base(f'base {name!r}', one) for name, one in base.items()}


def _base(what: str, base: Any) -> Config:
    """One student alone."""
    entries = base if isinstance(base, dict) else dict(config=base)
    for key in entries:
        if key not in BASE_KEYS:
            raise ValueError(f'{what} has no {key!r}{did_you_mean(key, BASE_KEYS)}')
    if not isinstance(entries.get('config'), str):
        raise ValueError(
            f'{what} must be the path of a config, or a dict with it as config and '
            f'with cfg_options, got {base!r}'
        )
    cfg = _load(what, entries['config'])
    cfg.merge_from_dict(deepcopy(entries.get('cfg_options') or {}))
    if _hook(cfg) is not None:
        raise ValueError(
            f'{what} {entries["config"]!r} has a DistillationHook; give the config of '
            'the student alone, and this one among the methods'
        )
    return cfg


def _split_first(name: str, method: Any, teacher: Any) -> tuple[Config | None, Any]:
    """The training that a method begins after, and the method itself."""
    if not isinstance(method, dict) or 'first' not in method:
        return None, method
    rest = {key: value for key, value in method.items() if key != 'first'}
    first, what = method['first'], f'first of method {name!r}'
    if isinstance(first, str):
        return _load(what, first), rest or None
    if not isinstance(first, dict):
        raise ValueError(
            f'{what} must be the path of a config, or a dict with config and distill, '
            f'got {first!r}'
        )
    base = _base(what, {key: first[key] for key in BASE_KEYS if key in first})
    hook = {key: value for key, value in first.items() if key not in BASE_KEYS}
    return _student(what, hook, base, teacher), rest or None


def _groups(groups: Any, methods: Mapping[str, Any]) -> dict[str, list[str]]:
    """Check that groups are of methods that there are."""
    for name, members in groups.items():
        for member in members:
            if member not in methods:
                raise ValueError(
                    f'group {name!r} has {member!r}, which is no method'
                    f'{did_you_mean(member, methods)}'
                )
    return {name: list(members) for name, members in groups.items()}


def _check_keys(content: dict[str, Any]) -> None:
    """Check the keys; those that start with an underscore are the file's variables."""
    for key in content:
        if key not in KEYS and not key.startswith('_'):
            raise ValueError(f'a comparison has no {key!r}{did_you_mean(key, KEYS)}')
    for key in ('base', 'methods', 'metric', 'seeds'):
        if key not in content:
            raise ValueError(f'the comparison lacks {key!r}; it has {sorted(content)}')
    metric, seeds = content['metric'], content['seeds']
    if not isinstance(metric, str):
        raise ValueError(
            "metric must be the name of a validation metric, such as 'coco/bbox_mAP' "
            f"or 'accuracy/top1', got {metric!r}"
        )
    more = content.get('more_metrics', [])
    if not isinstance(more, list) or not all(isinstance(name, str) for name in more):
        raise ValueError(
            f'more_metrics must be a list of names of validation metrics, got {more!r}'
        )
    if not isinstance(seeds, (list, tuple, range)) or not seeds:
        raise ValueError(f'seeds must be a list such as [0, 1, 2], got {seeds!r}')
    for seed in seeds:
        integer('a seed', seed, least=0)
    if len(set(seeds)) < len(seeds):
        raise ValueError(
            f'seeds must differ, got {seeds}: a seed counted twice would make the '
            'interval look narrower than it is'
        )


def _named(methods: Any) -> dict[str, Any]:
    """The methods by name; those of a list are named after preset or file."""
    if isinstance(methods, (list, tuple)):
        for method in methods:
            if not isinstance(method, str):
                raise ValueError(
                    'a list of methods has names of presets and paths of configs; '
                    f'give {method!r} a name: methods=dict(NAME=...)'
                )
        named = {Path(method).stem: method for method in methods}
        if len(named) < len(methods):
            raise ValueError(f'two methods have one name in {methods}; use a dict')
    elif isinstance(methods, dict):
        named = methods
    else:
        raise ValueError(f'methods must be a dict or a list, got {methods!r}')
    folders = [folder_name(name) for name in named]
    if not named or len({*folders, folder_name(ALONE)}) < len(folders) + 1:
        raise ValueError(
            'methods must have at least one entry, and names that differ from each '
            f'other and from {ALONE!r} in letters or digits, got {list(named)}'
        )
    return named


def folder_name(method: str) -> str:
    """A method's name as that of a folder."""
    return re.sub(r'[^\w.+]+', '-', method).strip('-').lower()


def _student(name: str, method: Any, base: Config, teacher: Any) -> Config:
    """The config of one method: the file that it names, or the base with a hook.

    `None` is the base itself, for a method that only has a `first`.
    """
    if method is None:
        return deepcopy(base)
    if isinstance(method, str) and (method.endswith('.py') or '::' in method):
        cfg = _load(f'method {name!r}', method)
        hook = _hook(cfg)
        if hook is not None and teacher is not None:
            hook['teacher'] = deepcopy(teacher)
        return cfg
    try:
        arguments = method
        if isinstance(method, str):
            arguments = default_terms(base, method, _teacher_config(teacher)).arguments
    except ValueError as error:
        raise ValueError(
            f'method {name!r}: {error} (a method is one of these presets, the path of '
            'a config, or a dict)'
        ) from error
    if not isinstance(arguments, dict) or 'distill' not in arguments:
        raise ValueError(
            f'method {name!r} must be a dict with distill (and student_loss_weight), '
            f"a preset such as 'ckd', or the path of a config, got {method!r}"
        )
    for key in arguments:
        if key not in METHOD_KEYS:
            raise ValueError(
                f'method {name!r} has no option {key!r}{did_you_mean(key, METHOD_KEYS)}'
            )
    if teacher is None and 'teacher' not in arguments:
        raise ValueError(
            f'method {name!r} has no teacher; give the comparison a '
            'teacher=dict(config=..., checkpoint=...)'
        )
    cfg = deepcopy(base)
    add_hook(cfg, deepcopy({'teacher': teacher, **arguments}))
    return cfg


def _teacher_config(teacher: Any) -> Any:
    """The config of the first teacher that has one; `None` if there is none."""
    teachers = teacher if isinstance(teacher, (list, tuple)) else [teacher]
    configs = [one.get('config') for one in teachers if isinstance(one, dict)]
    return next((config for config in configs if config is not None), None)


def _load(what: str, name: Any) -> Config:
    """A config from a path or a zoo name."""
    try:
        return get_config(name) if '::' in name else Config.fromfile(name)
    except Exception as error:
        raise ValueError(
            f'{what}: {name!r} cannot be read: {type(error).__name__}: {error}; give '
            'the path of a config, from the current folder, or a zoo name'
        ) from error


def _check_student(name: str, cfg: Config) -> None:
    """Check what would be an error, or no result, only after the training."""
    if cfg.get('default_scope') not in LIBRARIES:
        raise ValueError(
            f'{name}: the config has default_scope={cfg.get("default_scope")!r}, '
            f'expected one of {LIBRARIES}'
        )
    missing = [
        key
        for key in ('val_dataloader', 'val_cfg', 'val_evaluator')
        if cfg.get(key) is None
    ]
    if missing:
        raise ValueError(
            f'{name}: the config has no {" and no ".join(missing)}, so a run would '
            'have no result; add the validation to it'
        )
    hook = _hook(cfg)
    if hook is not None:
        try:
            DistillationHook(**{k: v for k, v in hook.items() if k != 'type'})
        except (TypeError, ValueError) as error:
            raise ValueError(f'method {name!r}: {error}') from error


def _hook(cfg: Config) -> dict[str, Any] | None:
    hooks = cfg.get('custom_hooks') or []
    return next((hook for hook in hooks if hook['type'] == 'DistillationHook'), None)


def _bare(cfg: Config) -> dict[str, Any]:
    content = cfg.to_dict()
    for key in ('custom_hooks', 'custom_imports'):
        content.pop(key, None)
    return content
