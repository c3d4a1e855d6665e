"""The students of a comparison: alone, and with what a method adds."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from mmengine.config import Config
from mmengine.hub import get_config

from ckd_mm.commands.arguments import LIBRARIES
from ckd_mm.commands.presets import add_hook, default_terms
from ckd_mm.compare.teachers import has_other_teacher
from ckd_mm.hooks import DistillationHook
from ckd_mm.registry import did_you_mean

__all__ = [
    'check_student',
    'hook_of',
    'is_config',
    'load_config',
    'read_bases',
    'split_first',
    'student_of',
    'with_options',
]

METHOD_KEYS = (
    'distill',
    'student_loss_weight',
    'unlabelled',
    'teacher',
    'peers',
    'first',
)
BASE_KEYS = ('config', 'cfg_options')


def read_bases(base: Any) -> dict[str, Config]:
    """The students alone, by what stands before the names of their methods."""
    if not isinstance(base, dict):
        return {'': _base('base', base)}
    if not base:
        raise ValueError('base must have at least one entry, got {}')
    return {f'{name}: ': _base(f'base {name!r}', one) for name, one in base.items()}


def is_config(method: Any) -> bool:
    """Whether a method is the path of a config or a zoo name."""
    return isinstance(method, str) and (method.endswith('.py') or '::' in method)


def student_of(what: str, method: Any, base: Config, teacher: Any) -> Config:
    """The config of one method: the file that it names, or the base with a hook.

    `None` is the base itself, for a method that only has a `first`. `what` names the
    method in messages.
    """
    if method is None:
        return deepcopy(base)
    if is_config(method):
        cfg = load_config(what, method)
        hook = hook_of(cfg)
        if teacher is not None and hook is not None and has_other_teacher(hook):
            hook['teacher'] = deepcopy(teacher)
        return cfg
    try:
        arguments = method
        if isinstance(method, str):
            arguments = default_terms(base, method, _teacher_config(teacher)).arguments
    except ValueError as error:
        raise ValueError(
            f'{what}: {error} (a method is one of these presets, the path of '
            'a config, or a dict)'
        ) from error
    if not isinstance(arguments, dict) or 'distill' not in arguments:
        raise ValueError(
            f'{what} must be a dict with distill (and student_loss_weight), '
            f"a preset such as 'ckd', or the path of a config, got {method!r}"
        )
    for key in arguments:
        if key not in METHOD_KEYS:
            raise ValueError(
                f'{what} has no option {key!r}{did_you_mean(key, METHOD_KEYS)}'
            )
    if 'peers' in arguments:  # they are heard where it names no teacher
        teacher = None
    elif teacher is None and 'teacher' not in arguments:
        raise ValueError(
            f'{what} has no teacher; give the comparison a '
            'teacher=dict(config=..., checkpoint=...), or the method teacher=None for '
            'losses of the student alone'
        )
    cfg = deepcopy(base)
    add_hook(cfg, deepcopy({'teacher': teacher, **arguments}))
    return cfg


def split_first(name: str, method: Any, teacher: Any) -> tuple[Config | None, Any]:
    """The training that a method begins after, and the method itself."""
    if not isinstance(method, dict) or 'first' not in method:
        return None, method
    rest = {key: value for key, value in method.items() if key != 'first'}
    first, what = method['first'], f'first of method {name!r}'
    if isinstance(first, str):
        return load_config(what, first), rest or None
    if not isinstance(first, dict):
        raise ValueError(
            f'{what} must be the path of a config, or a dict with config and distill, '
            f'got {first!r}'
        )
    base = _base(what, {key: first[key] for key in BASE_KEYS if key in first})
    hook = {key: value for key, value in first.items() if key not in BASE_KEYS}
    return student_of(what, hook, base, teacher), rest or None


def check_student(what: str, cfg: Config) -> None:
    """Check what would be an error, or no result, only after the training.

    `what` names the student in messages.
    """
    if cfg.get('default_scope') not in LIBRARIES:
        raise ValueError(
            f'{what}: the config has default_scope={cfg.get("default_scope")!r}, '
            f'expected one of {LIBRARIES}'
        )
    missing = [
        key
        for key in ('val_dataloader', 'val_cfg', 'val_evaluator')
        if cfg.get(key) is None
    ]
    if missing:
        raise ValueError(
            f'{what}: the config has no {" and no ".join(missing)}, so a run would '
            'have no result; add the validation to it'
        )
    hook = hook_of(cfg)
    if hook is not None:
        try:
            DistillationHook(**{k: v for k, v in hook.items() if k != 'type'})
        except (TypeError, ValueError) as error:
            raise ValueError(f'{what}: {error}') from error


def hook_of(cfg: Config) -> dict[str, Any] | None:
    hooks = cfg.get('custom_hooks') or []
    return next((hook for hook in hooks if hook['type'] == 'DistillationHook'), None)


def with_options(what: str, cfg: Config, options: Any) -> Config:
    """A config with the `cfg_options` of an entry, or with none if that is `None`.

    `what` names the entry in messages.
    """
    if options is not None and not isinstance(options, dict):
        raise ValueError(
            f"{what}: cfg_options must be a dict, such as {{'train_cfg.max_epochs': 6}}"
            f', got {options!r}'
        )
    try:
        cfg.merge_from_dict(deepcopy(options or {}))
    except (AssertionError, IndexError, KeyError, TypeError) as error:
        raise ValueError(
            f'{what}: cfg_options={options!r} cannot be merged into its config: '
            f'{type(error).__name__}: {error}; give keys as --cfg-options takes them'
        ) from error
    return cfg


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
    cfg = load_config(what, entries['config'])
    with_options(what, cfg, entries.get('cfg_options'))
    if hook_of(cfg) is not None:
        raise ValueError(
            f'{what} {entries["config"]!r} has a DistillationHook; give the config of '
            'the student alone, and this one among the methods'
        )
    return cfg


def load_config(what: str, name: Any) -> Config:
    """A config from a path or a zoo name; `what` names it in messages."""
    if not isinstance(name, str):
        raise ValueError(
            f'{what} must be the path of a config, or a zoo name, got {name!r}; write '
            'a config into a file'
        )
    try:
        return get_config(name) if '::' in name else Config.fromfile(name)
    except Exception as error:
        raise ValueError(
            f'{what}: {name!r} cannot be read: {type(error).__name__}: {error}; give '
            'the path of a config, from the current folder, or a zoo name'
        ) from error


def _teacher_config(teacher: Any) -> Any:
    """The config of the first teacher that has one; `None` if there is none."""
    teachers = teacher if isinstance(teacher, (list, tuple)) else [teacher]
    configs = [one.get('config') for one in teachers if isinstance(one, dict)]
    return next((config for config in configs if config is not None), None)
