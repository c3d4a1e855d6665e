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
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor

from ..conftest import stock_model
from ..hooks.by_hand import Batch, started, train_by_hand
from ..processes import ROOT, run_script
from ..tasks import differences, weights

pytestmark = pytest.mark.slow

LINKS = ('big', 'small')
KD = dict(kd=dict(on='logits', loss=dict(type='KDLoss', temperature=2.0)))


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


def uninterrupted(cfg: Config, folder: Path) -> dict[str, Tensor]:
    cfg.custom_hooks, cfg.work_dir = [], str(folder / 'uninterrupted')
    runner = Runner.from_cfg(cfg)
    runner.train()
    return weights(runner)


def distilled_by_hand(
    small: Config, big: Config, of_teacher: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The labels and KD, in a loop without a runner."""
    teacher = stock_model(big).eval()
    teacher.load_state_dict(of_teacher)

    def loss_of(batch: Batch) -> Tensor:
        with torch.no_grad():
            said = teacher(batch.images, mode='tensor')
        own = F.cross_entropy(batch.logits, batch.labels)
        p, log_p = (said / 2).softmax(dim=1), (batch.logits / 2).log_softmax(dim=1)
        return own + 4 * F.kl_div(log_p, p, reduction='batchmean')

    return train_by_hand(small, loss_of)


@pytest.fixture
def chain(classifier_config: Callable[..., Config], tmp_path: Path) -> Path:
    """A teacher that is killed in its second epoch, with its tool, and a student."""
    kill = dict(type='KillOnce', marker=str(tmp_path / 'killed'), parent=True)
    for name, width, hooks in (('big', 8, [kill]), ('small', 4, [])):
        cfg = classifier_config(tmp_path, width=width, epochs=2, custom_hooks=hooks)
        cfg.pop('work_dir')
        cfg.optim_wrapper.optimizer.lr = 0.02
        started(cfg, tmp_path / name)
        cfg.custom_imports.imports += ['interruption']
        cfg.dump(tmp_path / f'{name}.py')
    links: dict[str, dict[str, Any]] = {
        name: dict(config=str(tmp_path / f'{name}.py')) for name in LINKS
    }
    links['small'] |= dict(distill=KD)
    (tmp_path / 'few.py').write_text(
        f"links = {links}\nmetric = 'accuracy/top1'\nseeds = [0]\n"
    )
    return tmp_path / 'few.py'


def test_killed_within_a_link_it_goes_on_and_the_student_learns_from_its_weights(
    chain: Path, tmp_path: Path
) -> None:
    work_dir = chain.parent / 'work'
    plain = {
        name: Config.fromfile(chain.parent / f'{name}.py', import_custom_modules=False)
        for name in LINKS
    }
    call(chain, status=-signal.SIGKILL)
    assert not list(work_dir.glob('*/*/result.json'))
    out = call(chain)
    assert '2 links x 1 seeds: 0 runs are finished, 2 to do' in out
    assert 'mmengine - INFO' not in out
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
    assert differences(loaded, uninterrupted(plain['big'], tmp_path)) == {}
    (student,) = work_dir.glob('small/*/epoch_2.pth')
    found = torch.load(student, weights_only=False)['state_dict']
    expected = distilled_by_hand(plain['small'], plain['big'], loaded)
    assert differences(found, expected, tolerance=1e-3) == {}
    text = (work_dir / 'few.md').read_text()
    assert text in out and 'resumed from a checkpoint: big, seed 0.' in text
    assert re.search(r'\| small \| big \| \d+\.\d\d \| \d+\.\d\d \| - \|', text)

    assert '2 runs are finished, 0 to do' in call(chain)
    changed = ('--dry-run', '--cfg-options', 'links.small.student_loss_weight=0.5')
    assert '1 runs are finished, 1 to do' in call(chain, *changed)
    out = call(chain, '--cfg-options', 'links.big.teacher=small', status=1)
    assert out.splitlines()[-1].startswith(
        "error: link 'big' is to learn from 'small',"
    )
