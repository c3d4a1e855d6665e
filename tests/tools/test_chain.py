"""tools/chain.py as a user runs it, on real training runs of a few iterations."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from ..processes import ROOT, run_script

pytestmark = pytest.mark.slow

KD = dict(kd=dict(on='logits', loss=dict(type='KDLoss')))


def call(chain: Path, *more: str, status: int = 0) -> str:
    own = [str(ROOT), str(ROOT / 'tests/guarantees')]
    path = os.pathsep.join([*own, os.environ.get('PYTHONPATH', '')])
    work_dir = chain.parent / 'work'
    command = ('tools/chain.py', chain, '--work-dir', work_dir, *more)
    done = run_script(*command, env=dict(PYTHONPATH=path))
    assert done.returncode == status, (done.stdout + done.stderr)[-4000:]
    return done.stdout + done.stderr


def result(work_dir: Path, link: str) -> Any:
    (path,) = work_dir.glob(f'{link}/*/result.json')
    return json.loads(path.read_text())


@pytest.fixture
def chain(classifier_config: Callable[..., Config], tmp_path: Path) -> Path:
    """A teacher that is killed in its second epoch, with its tool, and a student."""
    kill = dict(type='KillOnce', marker=str(tmp_path / 'killed'), parent=True)
    for name, width, hooks in (('big', 8, [kill]), ('small', 4, [])):
        cfg = classifier_config(tmp_path, width=width, epochs=2, custom_hooks=hooks)
        cfg.pop('work_dir')
        cfg.custom_imports.imports += ['interruption']
        cfg.dump(tmp_path / f'{name}.py')
    links: dict[str, dict[str, Any]] = {
        name: dict(config=str(tmp_path / f'{name}.py')) for name in ('big', 'small')
    }
    links['small'] |= dict(distill=KD)
    (tmp_path / 'few.py').write_text(
        f"links = {links}\nmetric = 'accuracy/top1'\nseeds = [3]\n"
    )
    return tmp_path / 'few.py'


def test_killed_within_a_link_it_goes_on_and_the_student_learns_from_its_weights(
    chain: Path,
) -> None:
    work_dir = chain.parent / 'work'
    call(chain, status=-signal.SIGKILL)
    assert not list(work_dir.glob('*/*/result.json'))
    out = call(chain)
    assert '2 links x 1 seeds: 0 runs are finished, 2 to do' in out
    assert result(work_dir, 'big')['resumed'] and result(work_dir, 'big')['iter'] == 10
    assert not result(work_dir, 'small')['resumed']
    (log,) = work_dir.glob('small/*/*/vis_data/scalars.json')
    assert '"loss_kd"' in log.read_text()
    (config,) = work_dir.glob('small/*/config.py')
    run = Config.fromfile(config, import_custom_modules=False)
    teacher = run.custom_hooks[0].teacher
    (weights,) = work_dir.glob('big/*/epoch_2.pth')
    assert Path(teacher.checkpoint) == weights
    loaded = torch.load(weights, weights_only=False)['state_dict']
    assert loaded['backbone.conv1.weight'].shape[0] == 8
    text = (work_dir / 'few.md').read_text()
    assert text in out and 'resumed from a checkpoint: big, seed 3.' in text
    assert re.search(r'\| small \| big \| \d+\.\d\d \| \d+\.\d\d \| - \|', text)

    assert '2 runs are finished, 0 to do' in call(chain)
    changed = ('--dry-run', '--cfg-options', 'links.small.student_loss_weight=0.5')
    assert '1 runs are finished, 1 to do' in call(chain, *changed)
    out = call(chain, '--cfg-options', 'links.big.teacher=small', status=1)
    assert out.splitlines()[-1].startswith(
        "error: link 'big' is to learn from 'small',"
    )
