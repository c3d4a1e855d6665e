"""The tool on the command line, and its cache in a run of the training tool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from ..processes import run_script

pytestmark = pytest.mark.slow


def call(tool: str, *arguments: object, status: int = 0, fresh: bool = False) -> str:
    done = run_script(f'tools/{tool}.py', *arguments, fresh=fresh)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_its_cache_trains_a_student_whose_teacher_is_gone(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    distill = dict(kd=dict(on='logits', loss=dict(type='KDLoss')))
    hook = dict(type='DistillationHook', teacher=classifier_teacher, distill=distill)
    cfg = classifier_config(tmp_path / 'work', custom_hooks=[hook])
    cfg.dump(tmp_path / 'distilled.py')
    out = tmp_path / 'cache'
    told = (tmp_path / 'distilled.py', out, '--epochs', 2)
    said = call('cache_teacher', *told, fresh=True)
    assert '2 epochs of 301 images, logits in float16' in said
    assert 'seed: 0 in the cache, 1 here' in call(
        'cache_teacher', tmp_path / 'distilled.py', out, '--seed', 1, status=1
    )
    cfg.custom_hooks[0].teacher = dict(cache=str(out))
    cfg.dump(tmp_path / 'cached.py')
    said = call('train', tmp_path / 'cached.py')
    assert 'Teacher: ImageClassifier from the cache' in said
    assert 'parameters, all' not in said  # what building a teacher prints
    assert 'loss_kd' in said
    said = call('cache_teacher', 'no.py', tmp_path / 'x', status=1)
    assert said.startswith("error: the config 'no.py' is not there; give")
