"""Which adapter serves a student."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mmengine.model import BaseModel

from ckd_mm.adapters.base import Adapter
from ckd_mm.adapters.modules import ModuleAdapter
from ckd_mm.registry import ADAPTERS

__all__ = ['build_adapter', 'find_adapter']


def build_adapter(
    student: BaseModel,
    teacher: BaseModel,
    wanted: Mapping[str, tuple[Any, Collection[str]]],
) -> Adapter:
    """The adapter of the student's task, for these two models and terms.

    Raises:
        ValueError: No adapter knows the student, or one refuses what is wanted.
    """
    return find_adapter(student)(student, teacher, wanted)


def find_adapter(student: BaseModel) -> type[Adapter]:
    """The first registered adapter that supports the student, the general one last.

    Raises:
        ValueError: None does.
    """
    known = [cls for cls in ADAPTERS.module_dict.values() if cls is not ModuleAdapter]
    for adapter in (*known, ModuleAdapter):
        if adapter.supports(student):
            return adapter
    raise ValueError(
        f'no adapter knows a student of type {type(student).__name__}; supported are '
        'MMPretrain classifiers, MMDetection two-stage detectors with one box head, '
        'and, '
        "for on='module:NAME', models with extract_feat(); a plugin can register its "
        'own '
        'in ckd_mm.registry.ADAPTERS'
    )
