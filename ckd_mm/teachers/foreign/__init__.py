"""Teachers from other libraries: timm, transformers, torchvision, torch.hub, files."""

from __future__ import annotations

from ckd_mm.teachers.foreign.from_module import HubTeacher, ModuleTeacher
from ckd_mm.teachers.foreign.from_timm import TimmTeacher
from ckd_mm.teachers.foreign.from_torchvision import TorchvisionTeacher
from ckd_mm.teachers.foreign.from_transformers import TransformersTeacher
from ckd_mm.teachers.foreign.kind import ForeignTeacher
from ckd_mm.teachers.foreign.model import FeatureModel

__all__ = [
    'FeatureModel',
    'ForeignTeacher',
    'HubTeacher',
    'ModuleTeacher',
    'TimmTeacher',
    'TorchvisionTeacher',
    'TransformersTeacher',
]
