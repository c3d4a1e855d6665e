"""Whole runs of the stock runner on the digit scenes of `make demo`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ckd_mm.datasets.digits import write_digit_scenes
from device.first_hour.answers.calls import python
from device.first_hour.places import ROOT, Run

__all__ = ['figures', 'train']

CONFIGS = Path('configs/mmdet/digits')
TEACHER = CONFIGS / 'faster-rcnn_r18-w32_digits.py'
STUDENT = CONFIGS / 'faster-rcnn_r18-w8_digits.py'
QUICK = (
    'default_hooks.logger.interval=5',
    'train_cfg.max_epochs=2',
    'train_cfg.val_interval=2',
)
SMALLEST = (
    'default_hooks.logger.interval=1',
    'train_cfg.max_epochs=1',
    'train_dataloader.dataset.indices=16',
    'val_dataloader.dataset.indices=4',
)


def train(run: Run, kind: str, option: str = '') -> str:
    """Train the teacher, the student, or the student with CKD; then its figures.

    Args:
        run: With the folder of the runs.
        kind: teacher, student or ckd.
        option: Of the teacher, such as `stream=True`; or `amp`.
    """
    write_digit_scenes(ROOT / 'data/digits/detection')
    folder = run.work / 'runs' / (option.split('=')[0] or kind)
    shutil.rmtree(folder, ignore_errors=True)
    command = ['tools/train.py', str(TEACHER if kind == 'teacher' else STUDENT)]
    if kind == 'ckd':
        command += ['--teacher', str(TEACHER), '--method', 'ckd']
        command += ['--teacher-checkpoint', _checkpoint(run)]
    command += ['--work-dir', str(folder)]
    command += ['--amp'] if option == 'amp' else []
    command += ['--cfg-options', *(SMALLEST if run.dry else QUICK)]
    if '=' in option:
        command.append(f'custom_hooks.0.teacher.{option}')
    python(command)
    return figures(_logged(folder))


def figures(logged: Sequence[dict[str, Any]]) -> str:
    """The mAP, the first and last losses, the memory and the time of a step."""
    steps = [one for one in logged if 'loss' in one]
    said = []
    for one in logged:
        if 'coco/bbox_mAP' in one:
            said = [f'mAP {one["coco/bbox_mAP"]:.3f}']
    for name in ('loss', 'loss_ckd'):
        if name in steps[-1]:
            said.append(f'{name} {steps[0][name]:.3f} to {steps[-1][name]:.3f}')
    if steps[-1].get('memory'):
        said.append(f'{steps[-1]["memory"]} MiB')
    return ', '.join([*said, f'{steps[-1]["time"]:.3f} s per step'])


def _checkpoint(run: Run) -> str:
    """The teacher that the row train_teacher has trained."""
    last = run.work / 'runs' / 'teacher' / 'last_checkpoint'
    if not last.is_file():
        raise FileNotFoundError('train_teacher has left no teacher')
    return last.read_text().strip()


def _logged(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in path.read_text().splitlines()]
