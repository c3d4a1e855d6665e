"""Answers of the kinds that there are, for the tests."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from device.first_hour.places import Run


def adds(run: Run, one: str, two: str) -> str:
    print('adding')
    return f'{int(one) + int(two)}'


def raises(run: Run) -> str:
    raise ValueError('shapes differ | here')


def dies(run: Run) -> str:
    print('about to end', flush=True)
    os._exit(3)


def hangs(run: Run) -> str:
    """So does what it has started."""
    child = subprocess.Popen(['sleep', '300'])
    Path(run.work / 'child').write_text(str(child.pid))
    time.sleep(300)
    return 'never'
