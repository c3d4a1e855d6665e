"""Several methods, several seeds, one table: what tools/compare.py does."""

from __future__ import annotations

from ckd_mm.compare.comparison import Comparison, read_comparison
from ckd_mm.compare.pieces import values_by_seed
from ckd_mm.compare.plot import draw
from ckd_mm.compare.report import cells, notes, report
from ckd_mm.compare.runs import Run, digest, plan
from ckd_mm.compare.training import (
    RunFailed,
    UnknownMetric,
    check_metrics,
    gpu_slots,
    locked,
    train,
    train_anew,
)

__all__ = [
    'Comparison',
    'Run',
    'RunFailed',
    'UnknownMetric',
    'cells',
    'check_metrics',
    'digest',
    'draw',
    'gpu_slots',
    'locked',
    'notes',
    'plan',
    'read_comparison',
    'report',
    'train',
    'train_anew',
    'values_by_seed',
]
