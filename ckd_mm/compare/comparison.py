"""Read and check what is to be compared, before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ckd_mm.commands.presets import add_imports
from ckd_mm.compare.entries import (
    check_entries,
    check_names,
    modules_of,
    read_entries,
)
from ckd_mm.compare.students import (
    check_student,
    hook_of,
    is_config,
    read_bases,
    split_first,
    student_of,
    with_options,
)
from ckd_mm.compare.teachers import check_peers, check_teachers
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
NEEDED = ('base', 'methods', 'metric', 'seeds')


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
            optionally `teacher`, `more_metrics`, `cfg_options`, `custom_imports` and
            `groups`.
        options: Changes to it, as `--cfg-options` gives them.

    Raises:
        ValueError: Something in it is wrong; the message names it.
    """
    content = read_entries(path, options)
    check_entries('comparison', content, KEYS, NEEDED)
    methods = _named(content['methods'])
    students, alone, firsts = _students(content, methods)
    modules = modules_of(content)
    for name, student in students.items():
        with_options('the comparison', student, content.get('cfg_options'))
        add_imports(student, modules)
        check_student(f'method {name!r}', student)
    for first in firsts.values():
        add_imports(first, modules)
    hooks = [
        (hook, student.default_scope)
        for student in [*students.values(), *firsts.values()]
        if (hook := hook_of(student))
    ]
    check_teachers((hook.get('teacher'), scope) for hook, scope in hooks)
    check_peers((hook.get('peers'), scope) for hook, scope in hooks)
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


def _students(
    content: Mapping[str, Any], methods: Mapping[str, Any]
) -> tuple[dict[str, Config], dict[str, str], dict[str, Config]]:
    """The config of each method, its student alone, and the training before it."""
    students: dict[str, Config] = {}
    alone: dict[str, str] = {}
    firsts: dict[str, Config] = {}
    bases, teacher = read_bases(content['base']), content.get('teacher')
    for prefix, base in bases.items():
        students[prefix + ALONE] = base
        for name, method in methods.items():
            title = prefix + name
            first, rest = split_first(name, method, teacher)
            if len(bases) > 1 and is_config(rest):
                raise ValueError(
                    f'method {name!r} is a config, so one student, and base has '
                    f'{len(bases)}; give what the hook takes: dict(distill=...)'
                )
            students[title] = student_of(f'method {name!r}', rest, base, teacher)
            if first is not None:
                firsts[title] = first
        alone |= {prefix + name: prefix + ALONE for name in [ALONE, *methods]}
    return students, alone, firsts


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
    check_names('a method', named)
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


def _bare(cfg: Config) -> dict[str, Any]:
    content = cfg.to_dict()
    for key in ('custom_hooks', 'custom_imports'):
        content.pop(key, None)
    return content
