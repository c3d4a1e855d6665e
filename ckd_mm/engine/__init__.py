"""One run: its terms, its schedules, and the distiller that adds their losses."""

from __future__ import annotations

from ckd_mm.engine.fsdp2_strategy import FSDP2Strategy

__all__ = ['FSDP2Strategy']
