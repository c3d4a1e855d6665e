"""Several methods, several seeds, one table: what tools/compare.py does."""

from __future__ import annotations

from ckd_mm.compare.comparison import Comparison, read_comparison
from ckd_mm.compare.plot import draw
from ckd_mm.compare.report import report, values_by_seed
from ckd_mm.compare.runs import Run, plan
from ckd_mm.compare.training import (
    UnknownMetric,
    check_metric,
    gpu_slots,
    locked,
    train,
)

__all__ = [
    'Comparison',
    'Run',
    'UnknownMetric',
    'check_metric',
    'draw',
    'gpu_slots',
    'locked',
    'plan',
    'read_comparison',
    'report',
    'train',
    'values_by_seed',
]
