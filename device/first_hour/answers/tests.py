"""The project's own tests, on this device."""

from __future__ import annotations

import os
import re

import torch

from device.first_hour.answers.calls import CommandFailed, python
from device.first_hour.places import ROOT, Run

__all__ = ['device', 'pytest', 'training']

TRAINING = (
    'tests/hooks/test_training.py',
    'tests/teachers/test_speed.py',
    'tests/guarantees/test_teacher.py',
    'tests/guarantees/test_connectors.py',
    'tests/guarantees/test_optimization.py',
)
SMALLEST = ('tests/functional/test_ckd.py',)


def device(run: Run) -> str:
    """The device tests: on the GPU, or in a dry run on their stand-in for one."""
    if not (ROOT / 'tests' / 'device').is_dir():
        raise FileNotFoundError('tests/device is not in this checkout')
    chosen = ('-m', 'not slow and not sweep' if run.dry else '')
    return pytest('tests/device', *chosen)


def training(run: Run) -> str:
    """Whole runs, which MMEngine puts on the GPU; one file of tests in a dry run."""
    return pytest(*(SMALLEST if run.dry else TRAINING))


def pytest(*arguments: str) -> str:
    """Its last line; it raises if a test fails, or there is none."""
    cuda = torch.cuda.is_available()
    processes = min(6, len(os.sched_getaffinity(0))) if cuda else 0
    command = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', '--tb=short']
    command += ['-n', str(processes), '--dist', 'loadfile', *arguments]
    environ = {'CKD_DEVICE': 'cuda'} if cuda else {}
    try:
        return python(command, **environ).strip().splitlines()[-1]
    except CommandFailed as error:
        failed = re.findall(r'^(?:FAILED|ERROR) (\S+)', error.output, re.MULTILINE)
        raise AssertionError(f'{error}; {", ".join(failed[:10])}') from error
