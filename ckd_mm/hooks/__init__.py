"""MMEngine hooks."""

from __future__ import annotations

from ckd_mm.hooks.distillation_hook import DistillationHook
from ckd_mm.hooks.record_hook import RecordHook
from ckd_mm.hooks.replay_hook import ReplayHook

__all__ = ['DistillationHook', 'RecordHook', 'ReplayHook']
