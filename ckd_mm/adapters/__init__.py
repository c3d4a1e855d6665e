"""From one training step to aligned pairs of student and teacher tensors, by family.

`core/` has what all families share. `dense/`, `query/` and `roi/` have the detectors,
by the kind of their heads. The modules here have classifiers and any other model.
"""

from __future__ import annotations

from ckd_mm.adapters.build import build_adapter, find_adapter
from ckd_mm.adapters.classification import ClassificationAdapter
from ckd_mm.adapters.core.bound_term import BoundTerm, Pair
from ckd_mm.adapters.core.family import Adapter
from ckd_mm.adapters.core.pair_spec import (
    Context,
    PairSpec,
    Part,
    Readout,
    Unavailable,
    Value,
)
from ckd_mm.adapters.core.passes import FeatureMaps, Made, Pass, Plan
from ckd_mm.adapters.core.recorder import Recorder, Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.dense import OneStageAdapter
from ckd_mm.adapters.detection import DetectionAdapter
from ckd_mm.adapters.modules import ModuleAdapter
from ckd_mm.adapters.query import QueryAdapter
from ckd_mm.adapters.roi import (
    OtherRoIHeadAdapter,
    RoIQueryAdapter,
    TwoStageAdapter,
)
from ckd_mm.renamed import old_name


def __getattr__(name: str) -> object:
    return old_name(__name__, name)


__all__ = [
    'Adapter',
    'BoundTerm',
    'ClassificationAdapter',
    'Context',
    'OneStageAdapter',
    'DetectionAdapter',
    'FeatureMaps',
    'Made',
    'ModuleAdapter',
    'OtherRoIHeadAdapter',
    'Pair',
    'PairSpec',
    'Part',
    'Pass',
    'Plan',
    'QueryAdapter',
    'Readout',
    'Recorder',
    'RoIQueryAdapter',
    'Step',
    'Tap',
    'TwoStageAdapter',
    'Unavailable',
    'Value',
    'build_adapter',
    'find_adapter',
]
