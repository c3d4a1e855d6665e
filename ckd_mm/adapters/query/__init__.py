"""Detectors with queries: DETR and its kind, MaskFormer and Mask2Former."""

from __future__ import annotations

from ckd_mm.adapters.query.family import QueryAdapter

__all__ = ['QueryAdapter']
