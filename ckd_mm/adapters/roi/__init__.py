"""Detectors with a RoI head, and RPNs beside them."""

from __future__ import annotations

from ckd_mm.adapters.roi.family import OtherRoIHeadAdapter, TwoStageAdapter
from ckd_mm.adapters.roi.queries import RoIQueryAdapter

__all__ = ['OtherRoIHeadAdapter', 'RoIQueryAdapter', 'TwoStageAdapter']
