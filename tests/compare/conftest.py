"""Comparisons of small real classifiers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

KD = dict(kd=dict(on='logits', loss=dict(type='KDLoss')))
CKD = dict(ckd=dict(on='logits', loss=dict(type='CKDLoss')))


@pytest.fixture(scope='session')
def student(
    classifier_config: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory
) -> str:
    folder = tmp_path_factory.mktemp('student')
    cfg = classifier_config(folder)
    cfg.pop('work_dir')
    cfg.dump(folder / 'student.py')
    return str(folder / 'student.py')


@pytest.fixture(scope='session')
def content(student: str, classifier_teacher: dict[str, Any]) -> dict[str, Any]:
    """What is in a comparison that is right."""
    return dict(
        base=student,
        teacher=classifier_teacher,
        metric='accuracy/top1',
        seeds=[0, 1],
        methods={
            'KD': dict(distill=KD, student_loss_weight=0.1),
            'CKD': dict(distill=CKD),
        },
    )


@pytest.fixture
def write(tmp_path: Path, content: dict[str, Any]) -> Callable[..., Path]:
    """A comparison's file with some entries changed, or left out if None."""

    def to(name: str = 'few.py', **changes: Any) -> Path:
        entries = {**content, **changes}
        lines = [f'{k} = {v!r}' for k, v in entries.items() if v is not None]
        (tmp_path / name).write_text('\n'.join(lines) + '\n')
        return tmp_path / name

    return to
