"""Propose weight and temperature of terms by a short run, as tools/suggest.py does."""

from __future__ import annotations

from ckd_mm.suggest.proposal import Outcome, Proposal, propose
from ckd_mm.suggest.run import Measurements, measure
from ckd_mm.suggest.search import suggest
from ckd_mm.suggest.text import report
from ckd_mm.suggest.trials import find_hook, probing_config, read_terms

__all__ = [
    'Measurements',
    'Outcome',
    'Proposal',
    'find_hook',
    'measure',
    'probing_config',
    'propose',
    'read_terms',
    'report',
    'suggest',
]
