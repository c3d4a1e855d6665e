"""Which adapter serves a student."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mmengine.model import BaseModel

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.family import Adapter
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.adapters.modules import ModuleAdapter
from ckd_mm.registry import ADAPTERS

__all__ = ['build_adapter', 'find_adapter']


def build_adapter(
    student: BaseModel,
    teacher: BaseModel,
    wanted: Mapping[str, tuple[Any, Collection[str]]],
    names: ClassNames | None = None,
) -> Adapter:
    """The adapter of the student's task, for these two models and terms.

    Raises:
        ValueError: No adapter knows the student, or one refuses what is wanted.
    """
    return find_adapter(student)(student, teacher, wanted, names)


def find_adapter(student: BaseModel) -> type[Adapter]:
    """The first registered adapter that supports the student, general ones last.

    Raises:
        ValueError: None does.
    """
    general = [DetectionAdapter, ModuleAdapter]
    special = [cls for cls in ADAPTERS.module_dict.values() if cls not in general]
    for adapter in special + general:
        if adapter.supports(student):
            return adapter
    raise ValueError(
        f'no adapter knows a student of type {type(student).__name__}; supported are '
        "MMPretrain's classifiers, MMDetection's detectors and, by on='module:NAME', "
        'models with extract_feat(); a plugin can register its own in '
        'ckd_mm.registry.ADAPTERS'
    )
