"""One-stage detectors and RPNs: heads with anchors or points."""

from __future__ import annotations

from ckd_mm.adapters.dense.family import OneStageAdapter

__all__ = ['OneStageAdapter']
