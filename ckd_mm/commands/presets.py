"""Default terms of a method, for distilling any stock config without an edit.

`tools/train.py STUDENT_CONFIG --teacher TEACHER --method ckd` adds them. Which part is
compared depends on the two models. The settings are those of
:mod:`ckd_mm.commands.defaults`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from mmengine.config import Config
from mmengine.model import BaseModel

from ckd_mm.adapters import PairSpec, Unavailable, build_adapter
from ckd_mm.adapters.core.class_logits import Columns, Pixels
from ckd_mm.adapters.core.semi_supervised import student_within, teacher_within
from ckd_mm.commands.defaults import FEATURES, METHODS, STUDENT_LOSS_WEIGHTS, class_term
from ckd_mm.commands.features import features_term
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.errors import as_value_error
from ckd_mm.probing.untrained import build_untrained
from ckd_mm.random_state import preserved_random_state
from ckd_mm.registry import did_you_mean
from ckd_mm.teachers import ModelTeacher

__all__ = [
    'CHOICES',
    'Preset',
    'add_distillation',
    'add_hook',
    'add_imports',
    'default_terms',
]

CHOICES = sorted({*(name for one in METHODS.values() for name in one), FEATURES})
"""What `--method` takes."""


def add_distillation(
    cfg: Config,
    teacher: str,
    checkpoint: str | None = None,
    method: str = 'ckd',
    prefix: str = '',
) -> str:
    """Add a `DistillationHook` with a method's default terms to a config, in place.

    Args:
        cfg: A student's whole config.
        teacher: Path or zoo name of the teacher's config.
        checkpoint: The teacher's weights; `None` takes the zoo's.
        method: One of :data:`CHOICES`.
        prefix: Takes only the weights of the file whose names begin so.

    Returns:
        What was chosen and why. The config has it as `distillation_default`, so that
        the log of a run shows it.

    Raises:
        ValueError: The method is unknown, no default exists for this pair, or the
            config distils already.
    """
    source = dict(config=teacher)
    if checkpoint is not None:
        source['checkpoint'] = checkpoint
    if prefix:
        source['prefix'] = prefix
    preset = default_terms(cfg, method, teacher)
    add_hook(cfg, dict(teacher=source, **preset.arguments))
    cfg.distillation_default = preset.why
    return preset.why


@dataclass(frozen=True)
class Preset:
    """The defaults of a method for two models.

    Args:
        arguments: The arguments of the hook without the teacher.
        why: What was chosen and why, in one line.
    """

    arguments: dict[str, Any]
    why: str


def default_terms(
    cfg: Config, method: str, teacher: str | PathLike[str] | dict | Config | None = None
) -> Preset:
    """The defaults of a method for a student and its teacher.

    Both models are built on the CPU with random weights, which takes seconds. Their
    adapter finds what they have in common. Random states stay the same.

    Args:
        cfg: The student's whole config.
        method: One of :data:`CHOICES`.
        teacher: The teacher's config, as for :func:`build_untrained`; `None` is a
            teacher like the student.

    Raises:
        ValueError: The method is unknown, or no default exists for this pair.
    """
    if method not in CHOICES:
        raise ValueError(f'unknown method {method!r}{did_you_mean(method, CHOICES)}')
    with preserved_random_state():
        student = student_within(build_untrained(cfg)[1])
        teacher_cfg = cfg if teacher is None else teacher
        teacher_model = teacher_within(build_untrained(teacher_cfg)[1])
    kinds = f'{type(student).__name__} and {type(teacher_model).__name__}'
    if method == FEATURES:
        term, why = features_term(student, teacher_model)
        part = ''
    else:
        part, term = _class_term(student, teacher_model, method)
        why = f'both have {part}'
    arguments: dict[str, Any] = dict(distill={method: term})
    if (part, method) in STUDENT_LOSS_WEIGHTS:
        arguments['student_loss_weight'] = STUDENT_LOSS_WEIGHTS[part, method]
    return Preset(arguments, f'{method} for {kinds}: on={term["on"]!r}, as {why}')


def _class_term(
    student: BaseModel, teacher: BaseModel, method: str
) -> tuple[str, dict[str, Any]]:
    """The part that is the class logits of this family, and its term."""
    with as_value_error('finding the parts of these two models'):
        known = build_adapter(student, teacher).parts()
    reasons = []
    for part in METHODS:
        found = known.get(part)
        if isinstance(found, Unavailable):
            reasons.append(found.reason)
        elif found is not None:
            term = class_term(part, method, _columns_of(student, part))
            _check(student, method, term)
            return part, term
    kinds = ' and '.join(f'a {type(one).__name__}' for one in (student, teacher))
    raise ValueError(
        f'no class logits of {kinds} can be compared'
        f'{"".join(f": {reason}" for reason in reasons[:1])}; --method {FEATURES} '
        'compares their feature maps, and tools/inspect_distillation.py shows what '
        'else there is'
    )


def _columns_of(student: BaseModel, part: str) -> Columns | Pixels | None:
    """What the columns of a part of this student are; `None` if that is not known."""
    known = build_adapter(student, student).parts().get(part)
    if known is None or isinstance(known, Unavailable):
        return None
    return (known if isinstance(known, PairSpec) else known()).columns


def _check(student: BaseModel, method: str, term: dict[str, Any]) -> None:
    """Check before a run that the loss fits, with the student as its teacher.

    The numbers of classes may differ: a run matches them by name.
    """
    try:
        Distiller(student, [ModelTeacher(student)], build_terms({method: term}))
    except ValueError as error:
        raise ValueError(
            f'method {method} has no default for a {type(student).__name__}: {error}; '
            f'or take another --method: {", ".join(CHOICES)}'
        ) from error


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
    """Add modules to those that a config imports, in place."""
    imports = dict(cfg.get('custom_imports') or dict(allow_failed_imports=False))
    named = imports.get('imports') or []
    present = [named] if isinstance(named, str) else named
    imports['imports'] = [*present, *(name for name in modules if name not in present)]
    cfg.custom_imports = imports
