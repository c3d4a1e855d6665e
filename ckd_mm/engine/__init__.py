"""One run: its terms, its schedules, and the distiller that adds their losses."""

from ckd_mm.engine import gradient_share  # noqa: F401 (registers)
