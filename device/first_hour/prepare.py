"""Fill `.gpu` with what a machine with PyTorch, but without a network, lacks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from setup_env.paths import PINS, read_pins

__all__ = ['BUILT_HERE', 'PYTHON', 'SOURCE', 'WHEELS', 'pinned', 'prepare']

PYTHON = '3.12'
# What the stack needs beside PyTorch, NumPy, SciPy, OpenCV, scikit-image, einops,
# Matplotlib, scikit-learn, pandas, markdown, requests, rich, tqdm, pytest-xdist.
WHEELS = (
    *('onedl-mmengine', 'addict', 'yapf', 'platformdirs', 'termcolor'),
    *('mat4py', 'modelindex', 'model-index', 'ordered-set', 'terminaltables'),
    *('importlib-metadata', 'zipp'),
    *('imaug', 'pycocotools', 'shapely', 'six'),
    *('setuptools', 'wheel'),  # compile mmcv
)
BUILT_HERE = ('onedl-mmdetection', 'onedl-mmpretrain')  # sdists of Python only
SOURCE = 'onedl-mmcv'
PLATFORMS = (
    *(f'manylinux_2_{minor}_x86_64' for minor in range(39, 4, -1)),
    *('manylinux2014_x86_64', 'manylinux2010_x86_64', 'manylinux1_x86_64'),
)


def prepare(folder: Path, python: str = PYTHON, also: Sequence[str] = ()) -> None:
    """Download wheels for that Python on Linux, x86-64, and mmcv's source.

    PyTorch is the machine's own: mmcv's operators are compiled there, for it.
    """
    wheels = folder / 'wheels'
    wheels.mkdir(parents=True, exist_ok=True)
    for path in wheels.glob('*.whl'):
        path.unlink()
    named = [pinned(name) for name in (*WHEELS, *also)]
    for_machine = ['--only-binary=:all:', '--python-version', python]
    for_machine += ['--implementation', 'cp']
    for_machine += [f'--platform={name}' for name in PLATFORMS]
    _pip('download', *for_machine, '--dest', str(wheels), *named)
    built_here = [pinned(name) for name in BUILT_HERE]
    _pip('wheel', '--wheel-dir', str(wheels), *built_here)
    source = ['--no-build-isolation', '--no-binary', ':all:', '--dest', str(folder)]
    _pip('download', *source, pinned(SOURCE))
    (folder / 'python').write_text(python)
    size = sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())
    print(f'{folder}: {len(list(wheels.iterdir()))} wheels, {size / 2**20:.0f} MiB')


def pinned(name: str) -> str:
    """A package at the version of requirements/constraints.txt, if it has one."""
    return read_pins(PINS).get(name, name)


def _pip(command: str, *arguments: str) -> None:
    pip = [sys.executable, '-m', 'pip', command, '--quiet', '--no-deps']
    subprocess.run([*pip, *arguments], check=True)
