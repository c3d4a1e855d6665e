"""What the configs of comparisons and of chains share: seeds, metrics, imports."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ckd_mm.checks import integer
from ckd_mm.errors import as_value_error
from ckd_mm.registry import did_you_mean

__all__ = [
    'check_checkpoint',
    'check_entries',
    'check_keys',
    'check_names',
    'modules_of',
    'read_entries',
]


def read_entries(path: str | Path, options: dict[str, Any] | None) -> dict[str, Any]:
    """The entries of a file, with the changes that `--cfg-options` gives.

    Raises:
        ValueError: It is not there, or is no config.
    """
    if not Path(path).is_file():
        raise ValueError(
            f'{str(path)!r} is not there; give the path of a file, from the current '
            'folder'
        )
    with as_value_error(f'reading {str(path)!r}', 'mend the file'):
        cfg = Config.fromfile(path)
        cfg.merge_from_dict(options or {})
        return cfg.to_dict()


def check_checkpoint(what: str, checkpoint: Any, way_out: str) -> None:
    """Check that a checkpoint is a file, or a URL.

    Args:
        what: What has it, such as `link 'a'`.
        checkpoint: What a config gives.
        way_out: What the user can do otherwise.

    Raises:
        ValueError: It is neither.
    """
    is_text = isinstance(checkpoint, str)
    if not is_text or not ('://' in checkpoint or Path(checkpoint).is_file()):
        raise ValueError(
            f'{what}: checkpoint must be a file, by its path from the current folder, '
            f'or a URL, got {checkpoint!r}; {way_out}'
        )


def check_names(what: str, named: Mapping[Any, Any]) -> None:
    """Check that names are strings that can be those of folders.

    Args:
        what: What has them, such as `a link`.
        named: By name.

    Raises:
        ValueError: One is none.
    """
    for name in named:
        if not isinstance(name, str) or not re.search(r'\w', name):
            raise ValueError(
                f'the name of {what} must be a string with letters or digits, got '
                f'{name!r}; rename it'
            )


def check_keys(what: str, content: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Check the keys; those that start with an underscore are the file's variables.

    Raises:
        ValueError: One is unknown.
    """
    for key in content:
        if key not in keys and not key.startswith('_'):
            raise ValueError(f'a {what} has no {key!r}{did_you_mean(key, keys)}')


def check_entries(
    what: str, content: Mapping[str, Any], keys: Sequence[str], needed: Sequence[str]
) -> None:
    """Check the keys, the metrics and the seeds.

    Raises:
        ValueError: One is unknown, is lacking, or has a wrong value.
    """
    check_keys(what, content, keys)
    for key in needed:
        if key not in content:
            raise ValueError(
                f'the {what} lacks {key!r}; it has {sorted(content)}, add {key}'
            )
    _check_metrics(content['metric'], content.get('more_metrics', []))
    _check_seeds(content['seeds'])


def _check_metrics(metric: Any, more: Any) -> None:
    if not isinstance(metric, str):
        raise ValueError(
            "metric must be the name of a validation metric, such as 'coco/bbox_mAP' "
            f"or 'accuracy/top1', got {metric!r}"
        )
    if not isinstance(more, list) or not all(isinstance(name, str) for name in more):
        raise ValueError(
            f'more_metrics must be a list of names of validation metrics, got {more!r}'
        )


def _check_seeds(seeds: Any) -> None:
    if not isinstance(seeds, (list, tuple, range)) or not seeds:
        raise ValueError(f'seeds must be a list such as [0, 1, 2], got {seeds!r}')
    for seed in seeds:
        integer('a seed', seed, least=0)
    if len(set(seeds)) < len(seeds):
        raise ValueError(
            f'seeds must differ, got {seeds}: a seed counted twice would make the '
            'interval look narrower than it is'
        )


def modules_of(content: Mapping[str, Any]) -> list[str]:
    """The modules that runs import, those of `custom_imports` after this package."""
    modules = (content.get('custom_imports') or {}).get('imports', [])
    return ['ckd_mm', *([modules] if isinstance(modules, str) else modules)]
