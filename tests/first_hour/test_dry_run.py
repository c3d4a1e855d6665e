"""A dry run of each command, from the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from device.first_hour.places import ROOT, SITE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        SITE.is_dir(),
        reason='takes the packages of the GPU machine',
    ),
]


@pytest.mark.parametrize(
    ('command', 'row', 'answer'),
    [
        ('check', 'two_ranks', '(9, 0)'),
        ('bench', 'step_float32', 'float32: CKD '),
        ('train', 'train_student', 'mAP 0.'),
    ],
)
def test_a_dry_run_answers(command: str, row: str, answer: str, tmp_path: Path) -> None:
    arguments = ['--dry-run', '--only', row, '--out', str(tmp_path)]
    done = subprocess.run(
        [sys.executable, '-m', 'device.first_hour', command, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = (
        line
        for line in (tmp_path / f'{command}.md').read_text().splitlines()
        if line.startswith(f'| {row} |')
    )
    assert '| ok |' in line and answer in line
