"""Where things are: the checkout, what is carried to the machine, what a run leaves."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ['CARRIED', 'OUT', 'ROOT', 'SITE', 'WORK', 'Run', 'environment']

ROOT = Path(__file__).resolve().parents[2]
CARRIED = ROOT / '.gpu'  # ignored by git
SITE = CARRIED / 'site-{}.{}'.format(*sys.version_info)  # what was carried, installed
WORK = CARRIED / 'work'  # logs and reports of the running command
OUT = ROOT / 'work_dirs' / 'first_hour'


@dataclass(frozen=True)
class Run:
    """What an answer has to know.

    Args:
        work: The folder for reports and other files.
        out: The folder of results, for what is to be kept beside the table.
        dry: Whether this is a dry run: on a CPU, at the smallest size.
    """

    work: Path
    out: Path
    dry: bool


def environment() -> dict[str, str]:
    """The variables of a process that answers: our checkout, then what was carried."""
    paths = [str(ROOT), str(SITE), *filter(None, [os.environ.get('PYTHONPATH')])]
    return dict(
        os.environ,
        PYTHONPATH=os.pathsep.join(paths),
        PYTHONUNBUFFERED='1',
        MPLBACKEND='Agg',
    )
