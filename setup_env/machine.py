"""What a machine must have, checked before the slow steps; and how much it can do."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setup_env.paths import ROOT, VENV

__all__ = ['compile_jobs', 'cores', 'problems']

OLDEST, NEWEST = (3, 10), (3, 12)
DISK_GB = 10
# mmcv's largest file compiles in 1.9 GB, the others in 0.7 GB each.
LARGEST_GB, OTHERS_GB = 2.0, 0.8


def problems(todo: set[str]) -> list[str]:
    """What is expected for these steps, what came instead, and what to do."""
    found = python_problems(todo)
    if 'mmcv' in todo:
        found += compiler_problems()
    free = shutil.disk_usage(ROOT).free / 1e9
    if 'torch' in todo and free < DISK_GB:
        found.append(f'{DISK_GB} GB of disk space at {ROOT}; {free:.1f} GB are free')
    return found


def python_problems(todo: set[str]) -> list[str]:
    found = []
    here = python_version()
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        minors = range(NEWEST[1], OLDEST[1] - 1, -1)
        other = next(filter(shutil.which, map('python3.{}'.format, minors)), None)
        advice = other or 'PATH, after installing one of them'
        found.append(
            f'Python 3.{OLDEST[1]} to 3.{NEWEST[1]}; {sys.executable} is {here}. '
            f'Name another one: make setup PYTHON={advice}'
        )
    made_with = venv_version()
    if made_with and made_with != here:
        found.append(
            f'one Python version throughout: {VENV} was made with {made_with}, PYTHON '
            f'is {here}. Say PYTHON=python{made_with}, or remove it: make clean-all'
        )
    if 'venv' in todo and not importlib.util.find_spec('ensurepip'):
        found.append(
            f'ensurepip, for virtual environments. On Debian and Ubuntu: apt-get '
            f'install python{here}-venv'
        )
    return found


def compiler_problems() -> list[str]:
    found = []
    header = Path(sysconfig.get_path('include'), 'Python.h')
    if not header.is_file():
        found.append(
            f'the C headers of Python: {header} does not exist. On Debian and Ubuntu: '
            f'apt-get install python{python_version()}-dev'
        )
    compiler = shlex.split(os.environ.get('CXX', 'c++'))
    source = '#include <optional>\nint main() { return *std::optional<int>(0); }\n'
    command = [*compiler, '-std=c++17', '-fsyntax-only', '-x', 'c++', '-']
    try:
        result = subprocess.run(command, input=source, capture_output=True, text=True)
        failure = result.stderr.strip() if result.returncode else ''
    except OSError as error:
        failure = str(error)
    if failure:
        found.append(
            f'a C++17 compiler: `{shlex.join(command)}` says: {failure}. On Debian and '
            f'Ubuntu: apt-get install g++; or name yours in CXX'
        )
    return found


def python_version() -> str:
    return '{}.{}'.format(*sys.version_info[:2])


def venv_version() -> str | None:
    """The Python version, such as 3.11, that `.venv` was made with."""
    config = VENV / 'pyvenv.cfg'
    text = config.read_text() if config.is_file() else ''
    match = re.search(r'^version = (\d+\.\d+)', text, re.MULTILINE)
    return match[1] if match else None


def compile_jobs() -> int:
    """As many compilers as there are cores and memory for; mmcv starts at least 4."""
    try:
        text = Path('/proc/meminfo').read_text()
        gigabytes = int(re.findall(r'MemAvailable:\s+(\d+) kB', text)[0]) / 1e6
    except (OSError, IndexError):
        return cores()
    by_memory = 1 + int((gigabytes - LARGEST_GB) / OTHERS_GB)
    return max(1, min(cores(), by_memory))


def cores() -> int:
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
