"""Registered weighers: how much each row counts in the loss of a term.

A weigher is a module. Its `forward` gets the rows of student and teacher, and what else
it names of what a loss can ask for. It returns a weight >= 0 for each row, (B,), or a
pair of these and a loss that trains its own parameters.
"""

from __future__ import annotations

from ckd_mm.weighers.classes import ClassWeight
from ckd_mm.weighers.focal import FocalWeight
from ckd_mm.weighers.gates import ConfidenceGate, CorrectnessGate
from ckd_mm.weighers.iou import IoUWeight
from ckd_mm.weighers.ipwd import IPWDWeight

__all__ = [
    'ClassWeight',
    'ConfidenceGate',
    'CorrectnessGate',
    'FocalWeight',
    'IPWDWeight',
    'IoUWeight',
]
