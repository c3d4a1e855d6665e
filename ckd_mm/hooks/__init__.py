"""MMEngine hooks."""

from __future__ import annotations

from ckd_mm.hooks.distillation_hook import DistillationHook

__all__ = ['DistillationHook']
