"""Whether a link can learn from the links before it, seen from untrained models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.semi_supervised import teacher_within
from ckd_mm.compare.students import hook_of
from ckd_mm.engine.pairs import PairMaker
from ckd_mm.engine.terms import build_terms
from ckd_mm.probing.batches import num_classes
from ckd_mm.probing.untrained import build_untrained, class_lists
from ckd_mm.random_state import preserved_random_state
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import ModelTeacher

__all__ = ['check_fit', 'check_stock']


def check_fit(what: str, cfg: Config, teachers: Sequence[Config]) -> None:
    """Check that the terms of a link fit its student and its teachers.

    All are built with random weights, which takes seconds. The classes of both are
    compared as a run does it, unless the configs do not tell them.

    Args:
        what: The link in messages.
        cfg: Its whole config.
        teachers: The configs of its teachers, in the order of its hook.

    Raises:
        ValueError: A model cannot be built, or the terms do not fit.
    """
    hook = hook_of(cfg)
    assert hook is not None
    try:
        with preserved_random_state():
            student = build_untrained(cfg)[1]
            sketches = []
            for one in teachers:
                model = teacher_within(build_untrained(one)[1])
                numbers = num_classes(student), num_classes(model)
                if numbers[0] != numbers[1] and not _classes_are_told(cfg, one):
                    return
                sketches.append(ModelTeacher(model, names=_names(cfg, one)))
        terms = build_terms(hook['distill'], len(sketches))
        PairMaker(student, sketches, {term.name: term.request for term in terms})
    except ValueError as error:
        raise ValueError(f'{what}: {error}') from error


def check_stock(what: str, teachers: Mapping[str, Config]) -> None:
    """Refuse teachers whose checkpoint is not the student that was validated.

    Args:
        what: The link in messages.
        teachers: The configs of its teachers, by the names of their links.

    Raises:
        ValueError: A loss gives one of them other modules at inference.
    """
    for name, cfg in teachers.items():
        hook = hook_of(cfg) or {}
        for term in (hook.get('distill') or {}).values():
            kind = term['loss']['type']
            cls = LOSSES.get(kind) if isinstance(kind, str) else kind
            if hasattr(cls, 'at_inference'):
                raise ValueError(
                    f'{what} learns from link {name!r}, whose {cls.__name__} gives its '
                    'student other modules at inference; export that student with '
                    'tools/export_student.py, and give it as teacher=dict(config=..., '
                    'checkpoint=...)'
                )


def _names(student: Config, teacher: Config) -> ClassNames | None:
    ours, theirs = class_lists(student), class_lists(teacher)
    return ClassNames(ours, theirs) if ours and theirs else None


def _classes_are_told(student: Config, teacher: Config) -> bool:
    """Whether the configs have the names of the classes, or have the same data."""
    return _names(student, teacher) is not None or _data(student) == _data(teacher)


def _data(cfg: Config) -> dict[str, Any]:
    data = dict((cfg.get('train_dataloader') or {}).get('dataset') or {})
    return {key: value for key, value in data.items() if key != 'pipeline'}
