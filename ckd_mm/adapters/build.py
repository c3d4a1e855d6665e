"""Which adapter serves a student."""

from __future__ import annotations

from mmengine.model import BaseModel

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.family import Adapter
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.adapters.modules import ModuleAdapter
from ckd_mm.registry import ADAPTERS

__all__ = ['build_adapter', 'find_adapter']


def build_adapter(
    student: BaseModel, teacher: BaseModel, names: ClassNames | None = None
) -> Adapter:
    """The adapter of the student's family, for these two models.

    Raises:
        ValueError: No adapter knows the student.
    """
    return find_adapter(student)(student, teacher, names)


def find_adapter(student: BaseModel) -> type[Adapter]:
    """The first registered adapter that supports the student.

    Those of plugins come first and general ones last.

    Raises:
        ValueError: None does.
    """
    general = [DetectionAdapter, ModuleAdapter]
    known = [cls for cls in ADAPTERS.module_dict.values() if cls not in general]
    known.sort(key=lambda cls: cls.__module__.startswith('ckd_mm.'))
    for adapter in known + general:
        if adapter.supports(student):
            return adapter
    raise ValueError(
        f'no adapter knows a student of type {type(student).__name__}; supported are '
        "MMPretrain's classifiers, MMDetection's detectors and, by on='module:NAME', "
        'models with extract_feat(); a plugin can register its own in '
        'ckd_mm.registry.ADAPTERS'
    )
