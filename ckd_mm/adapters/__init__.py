"""From one training step to aligned pairs of student and teacher tensors, per task."""

from __future__ import annotations

from ckd_mm.adapters.build import build_adapter, find_adapter
from ckd_mm.adapters.classification import ClassificationAdapter
from ckd_mm.adapters.core.family import Adapter
from ckd_mm.adapters.core.pair_spec import (
    Comparison,
    Extra,
    Missing,
    Part,
    Side,
    Step,
    Value,
)
from ckd_mm.adapters.dense.family import OneStageAdapter
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.adapters.modules import ModuleAdapter
from ckd_mm.adapters.query.family import QueryAdapter
from ckd_mm.adapters.roi.family import OtherRoIHeadAdapter, TwoStageAdapter
from ckd_mm.adapters.roi.queries import RoIQueryAdapter

__all__ = [
    'Adapter',
    'ClassificationAdapter',
    'Comparison',
    'DetectionAdapter',
    'Extra',
    'Missing',
    'ModuleAdapter',
    'OneStageAdapter',
    'OtherRoIHeadAdapter',
    'Part',
    'QueryAdapter',
    'RoIQueryAdapter',
    'Side',
    'Step',
    'TwoStageAdapter',
    'Value',
    'build_adapter',
    'find_adapter',
]
