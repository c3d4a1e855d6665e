"""Students that become teachers, link by link: what tools/chain.py does."""

from __future__ import annotations

from ckd_mm.chain.links import Chain, Link, read_chain
from ckd_mm.chain.plan import plan_chain
from ckd_mm.chain.report import chain_report

__all__ = ['Chain', 'Link', 'chain_report', 'plan_chain', 'read_chain']
