"""Default terms per task and method, for distilling any stock config without an edit.

`tools/train.py STUDENT_CONFIG --teacher TEACHER --method ckd` adds them. They are the
settings of the papers where those have one, and what was measured to work where the
authors' setting did nothing; `docs/methods/ckd.md` has both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from mmengine.config import Config

from ckd_mm.registry import did_you_mean

__all__ = [
    'METHODS',
    'add_distillation',
    'add_hook',
    'add_imports',
    'default_terms',
]

METHODS: dict[str, dict[str, dict[str, Any]]] = {
    # MMPretrain classifiers, at the scale of ImageNet
    'logits': {
        'ckd': dict(type='CKDLoss', temperature=1.0, loss_weight=10.0),
        'kd': dict(type='KDLoss', temperature=1.0, loss_weight=0.5),
        'dkd': dict(type='DKDLoss', alpha=1.0, beta=0.5, temperature=1.0),
        'dist': dict(type='DISTLoss', beta=2.0, gamma=2.0, temperature=1.0),
    },
    # MMDetection two-stage detectors. The authors' CKD is weight 0.1 at temperature 1.
    'roi_logits': {
        'ckd': dict(type='CKDLoss', temperature=0.1, loss_weight=1.0),
        'kd': dict(type='KDLoss', temperature=1.0, loss_weight=1.0),
        'dkd': dict(type='DKDLoss', alpha=1.0, beta=0.25, temperature=1.0),
        'dist': dict(type='DISTLoss', beta=1.0, gamma=1.0, temperature=1.0),
    },
}
"""Loss by task (what it compares) and method."""

_STUDENT_LOSS_WEIGHTS = {('logits', 'kd'): 0.5}
_TASK_BY_PART = {'roi_head': 'roi_logits', 'head': 'logits'}


def add_distillation(
    cfg: Config, teacher: str, checkpoint: str | None = None, method: str = 'ckd'
) -> None:
    """Add a `DistillationHook` with the task's default terms to a config, in place.

    Args:
        cfg: A student's whole config.
        teacher: Path or zoo name of the teacher's config.
        checkpoint: The teacher's weights; `None` takes the zoo's.
        method: A key of :data:`METHODS`.

    Raises:
        ValueError: The method is unknown, no default exists for this student, or the
            config distils already.
    """
    source = dict(config=teacher)
    if checkpoint is not None:
        source['checkpoint'] = checkpoint
    add_hook(cfg, dict(teacher=source, **default_terms(cfg, method)))


def default_terms(cfg: Config, method: str) -> dict[str, Any]:
    """The hook's arguments, but for the teacher, that are a method's defaults.

    Raises:
        ValueError: The method is unknown, or no default exists for this student.
    """
    task = _task(cfg)
    if method not in METHODS[task]:
        raise ValueError(
            f'unknown method {method!r}{did_you_mean(method, METHODS[task])}'
        )
    loss = deepcopy(METHODS[task][method])
    arguments: dict[str, Any] = dict(distill={method: dict(on=task, loss=loss)})
    if (task, method) in _STUDENT_LOSS_WEIGHTS:
        arguments['student_loss_weight'] = _STUDENT_LOSS_WEIGHTS[task, method]
    return arguments


def add_hook(cfg: Config, arguments: Mapping[str, Any]) -> None:
    """Add a `DistillationHook` with these arguments to a config, in place.

    Raises:
        ValueError: The config distils already.
    """
    hooks = list(cfg.get('custom_hooks') or [])
    if any(hook.get('type') == 'DistillationHook' for hook in hooks):
        raise ValueError(
            'this config has a DistillationHook already; change its teacher with '
            '--cfg-options, or start from the config of the student alone'
        )
    cfg.custom_hooks = [*hooks, dict(type='DistillationHook', **arguments)]
    add_imports(cfg, ['ckd_mm'])


def add_imports(cfg: Config, modules: Sequence[str]) -> None:
    """Have a run import modules, beside those that its config names, in place."""
    imports = dict(cfg.get('custom_imports') or dict(allow_failed_imports=False))
    named = imports.get('imports') or []
    own = [named] if isinstance(named, str) else named
    imports['imports'] = [*own, *(name for name in modules if name not in own)]
    cfg.custom_imports = imports


def _task(cfg: Config) -> str:
    model = cfg.get('model') or {}
    for part, task in _TASK_BY_PART.items():
        if part in model:
            return task
    raise ValueError(
        f'no default terms for a student of type {model.get("type")!r}: there are some '
        'for MMDetection two-stage detectors and MMPretrain classifiers; add a '
        "DistillationHook with on='module:NAME' or another part to its config instead; "
        'tools/inspect_distillation.py prints the lines'
    )
