"""The tool on the command line."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

ROOT = Path(__file__).parents[2]


def call(*arguments: object, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, 'tools/report.py', *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_run_and_the_student_alone_stand_side_by_side(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    term = dict(on='logits', loss=dict(type='CKDLoss'))
    hook = dict(
        type='DistillationHook', teacher=classifier_teacher, distill=dict(ckd=term)
    )
    for name, hooks in (('alone', []), ('distilled', [hook])):
        run(classifier_config(tmp_path / name, custom_hooks=hooks))
    distilled = tmp_path / 'distilled'
    beside = ('--beside', f'student alone={tmp_path / "alone"}', '--images', '10')
    assert f'report: {distilled / "report.html"}' in call(distilled, *beside)
    text = (distilled / 'report.html').read_text()
    for heading in ('student alone: logits, 10 rows', 'distilled student: logits, 10'):
        assert heading in text
    assert 'Not shown' not in text
    (distilled / 'report.html').write_text('mine')
    assert 'give another file with --out' in call(distilled, status=1)
    empty = tmp_path / 'empty'
    empty.mkdir()
    out = call(empty, status=1)
    assert 'error: ' in out and 'give the work dir of one run' in out


@pytest.mark.parametrize(
    'beside',
    [
        ('--beside', 'alone=a', 'alone=b'),
        ('--beside', 'alone=a', '--beside', 'alone=b'),
        ('--beside', 'distilled student=a'),
    ],
)
def test_two_runs_of_one_name_are_refused(
    beside: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One of them would not be shown."""
    monkeypatch.setattr(sys, 'argv', ['report.py', 'work_dir', *beside])
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / 'tools/report.py'), run_name='__main__')
    assert 'must have names that differ' in capsys.readouterr().err
