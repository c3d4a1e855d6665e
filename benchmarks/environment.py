"""What a benchmark ran on, for the head of its report."""

from __future__ import annotations

from pathlib import Path

from ckd_mm.commands.environment import describe

__all__ = ['ROOT', 'describe']

ROOT = Path(__file__).resolve().parents[1]
