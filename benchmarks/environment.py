"""What a benchmark ran on, for the head of its report."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

__all__ = ['ROOT', 'describe']

ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ('onedl-mmcv', 'onedl-mmengine', 'onedl-mmdetection', 'onedl-mmpretrain')


def describe(command: str) -> str:
    """Hardware, versions, commit and the command that repeats it, as Markdown."""
    lines = [
        f'- Command: `{command}`',
        f'- Commit: {_commit()}',
        f'- Machine: {_processor()}, PyTorch threads: {torch.get_num_threads()}',
        f'- Python {platform.python_version()}, PyTorch {torch.__version__}, '
        + ', '.join(filter(None, map(_version, _PACKAGES))),
    ]
    return '\n'.join(lines)


def _processor() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(': ', 1)[1] for line in lines if line.startswith('model name')]
    return f'{len(names)} cores of {names[0]}' if names else platform.machine()


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ['git', *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    changed = git('status', '--porcelain', '--untracked-files=no', 'ckd_mm', 'configs')
    return git('rev-parse', '--short', 'HEAD') + (' with changes' if changed else '')


def _version(package: str) -> str | None:
    try:
        return f'{package} {version(package)}'
    except PackageNotFoundError:
        return None
