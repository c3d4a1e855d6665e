"""The device and all versions."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess

import torch

from ckd_mm.commands.environment import commit, machine
from ckd_mm.commands.environment import versions as of_packages
from device.first_hour.places import Run

__all__ = ['versions']


def versions(run: Run) -> str:
    """What it runs on; importing all packages is part of it."""
    import cv2
    import mmcv.ops
    import numpy

    for name in ('mmdet.apis', 'mmpretrain.apis', 'pycocotools.mask'):
        importlib.import_module(name)
    cudnn, cuda = torch.backends.cudnn, torch.backends.cuda
    parts = [
        f'{machine()}, {os.cpu_count()} cores',
        _first_line(
            'nvidia-smi', '--query-gpu=driver_version', '--format=csv,noheader'
        ),
        f'CUDA {torch.version.cuda}',
        _nvcc(),
        f'{of_packages()}, NumPy {numpy.__version__}, OpenCV {cv2.__version__}',
        f"mmcv's operators: {mmcv.ops.get_compiling_cuda_version()}",
        f'TF32: convolutions {cudnn.allow_tf32}, matmul {cuda.matmul.allow_tf32}',
        f'commit {commit()}',
    ]
    return '; '.join(filter(None, parts))


def _nvcc() -> str:
    lines = _printed('nvcc', '--version').splitlines()
    return next((line for line in lines if 'release' in line), 'no nvcc')


def _first_line(*command: str) -> str:
    lines = _printed(*command).splitlines()
    return f'driver {lines[0]}' if lines else ''


def _printed(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ''
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()
