"""The tool on the command line, and its file in the loss."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from ckd_mm.losses import NDLoss

ROOT = Path(__file__).parents[2]


def call(*arguments: object, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, 'tools/class_means.py', *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_its_file_is_read_by_the_loss(
    classifier_teacher: dict[str, Any], tmp_path: Path
) -> None:
    teacher = (classifier_teacher['config'], classifier_teacher['checkpoint'])
    out = tmp_path / 'means.pt'
    assert 'num_classes=10, teacher_channels=128, 1201 images' in call(*teacher, out)
    loss = NDLoss(num_classes=10, teacher_channels=128, class_means=out)
    assert loss.class_sums.norm(dim=1).all()
    before = torch.load(out)['class_means']
    assert 'exists; choose another file' in call(*teacher, out, status=1)
    call(*teacher, out, '--force')
    assert torch.equal(torch.load(out)['class_means'], before)
    assert call('no.py', 'x.pth', tmp_path / 'x', status=1).startswith('error: teacher')
