"""A distilled run as one HTML page: what tools/report.py does.

:mod:`ckd_mm.report.history` reads the logs of a work dir, :mod:`ckd_mm.report.models`
runs student and teacher on validation images, :mod:`ckd_mm.report.pictures` draws, and
:mod:`ckd_mm.report.page` puts everything into `page.html`.
"""

from __future__ import annotations

from ckd_mm.report.build import Sample, report_runs
from ckd_mm.report.history import History, read_history
from ckd_mm.report.page import check_out

__all__ = ['History', 'Sample', 'check_out', 'read_history', 'report_runs']
