"""The tool on the command line, and its file in the loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ckd_mm.losses import NDLoss

from ..processes import run_script


def call(*arguments: object, status: int = 0, fresh: bool = False) -> str:
    done = run_script('tools/class_means.py', *arguments, fresh=fresh)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_its_file_is_read_by_the_loss(
    classifier_teacher: dict[str, Any], tmp_path: Path
) -> None:
    teacher = (classifier_teacher['config'], classifier_teacher['checkpoint'])
    out = tmp_path / 'means.pt'
    said = call(*teacher, out, fresh=True)
    assert 'num_classes=10, teacher_channels=128, 301 images' in said
    loss = NDLoss(num_classes=10, teacher_channels=128, class_means=out)
    assert loss.class_sums.norm(dim=1).all()
    before = torch.load(out)['class_means']
    assert 'exists; choose another file' in call(*teacher, out, status=1)
    call(*teacher, out, '--force')
    assert torch.equal(torch.load(out)['class_means'], before)
    assert call('no.py', 'x.pth', tmp_path / 'x', status=1).startswith('error: teacher')
