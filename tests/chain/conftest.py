"""Chains of small real classifiers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config

KD = dict(distill=dict(kd=dict(on='logits', loss=dict(type='KDLoss'))))


@pytest.fixture(scope='session')
def model(
    classifier_config: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The config of a network without distillation."""
    folder = tmp_path_factory.mktemp('model')
    cfg = classifier_config(folder)
    cfg.pop('work_dir')
    cfg.dump(folder / 'model.py')
    return str(folder / 'model.py')


@pytest.fixture
def write(tmp_path: Path, model: str) -> Callable[..., Path]:
    """A chain's file: a teacher and its student, with some entries changed."""

    def to(**changes: object) -> Path:
        entries = dict(
            links={'big': dict(config=model), 'small': dict(config=model, **KD)},
            metric='accuracy/top1',
            seeds=[0],
        )
        lines = [f'{k} = {v!r}' for k, v in {**entries, **changes}.items()]
        (tmp_path / 'few.py').write_text('\n'.join(lines) + '\n')
        return tmp_path / 'few.py'

    return to
