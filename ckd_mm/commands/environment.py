"""Hardware and versions of a measurement, for the head of a report."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from ckd_mm.version import __version__

__all__ = ['commit', 'describe', 'machine', 'versions']

_HERE = Path(__file__).resolve().parent
# The maintained builds, and the original packages.
_PACKAGES = (
    *('onedl-mmcv', 'onedl-mmengine', 'onedl-mmdetection', 'onedl-mmpretrain'),
    *('mmcv', 'mmengine', 'mmdet', 'mmpretrain'),
)


def describe(command: str) -> str:
    """Hardware, versions, commit and the command that repeats it, as Markdown."""
    lines = [
        f'- Command: `{command}`',
        f'- Commit: {commit()}',
        f'- Machine: {machine()}, PyTorch threads: {torch.get_num_threads()}',
        f'- {versions()}',
    ]
    return '\n'.join(lines)


def machine() -> str:
    """The GPU, or else the processor."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(': ', 1)[1] for line in lines if line.startswith('model name')]
    return f'{len(names)} cores of {names[0]}' if names else platform.machine()


def versions() -> str:
    """The versions of Python, PyTorch and the libraries, maintained or original."""
    found = ', '.join(filter(None, map(_version, _PACKAGES)))
    return f'Python {platform.python_version()}, PyTorch {torch.__version__}, {found}'


def commit() -> str:
    """The commit of this package's checkout, or the version that is installed."""
    try:
        _git('ls-files', '--error-unmatch', Path(__file__).name)
        inputs = ('.', '../configs')  # what can change a result
        changed = _git('status', '--porcelain', '--untracked-files=no', *inputs)
        name = _git('rev-parse', '--short', 'HEAD')
        return f'{name} with changes' if changed else name
    except (OSError, subprocess.CalledProcessError):
        return f'none, ckd_mm {__version__} as installed'


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ['git', *arguments], cwd=_HERE, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return f'{package} {version(package)}'
    except PackageNotFoundError:
        return None
