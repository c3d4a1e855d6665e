"""A peer as a stock config and checkpoint, with the metric that the run has logged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.commands.export_peer import export_peer

from ..processes import run_script

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def trained(
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path_factory: pytest.TempPathFactory,
) -> Runner:
    folder = tmp_path_factory.mktemp('trained')
    cfg = classifier_config(folder / 'work')
    peer = classifier_config(folder / 'unused', width=4).model
    kd = dict(on='logits', loss=dict(type='KDLoss', temperature=1.0))
    hook = dict(
        type='DistillationHook',
        # its data preprocessor is that of the run
        peers=[dict(config=dict(model=peer.to_dict()), name='narrow')],
        distill=dict(kd=kd, to_narrow=dict(kd, learner='narrow')),
    )
    cfg.custom_hooks = [hook]
    cfg.train_cfg.val_interval = 1
    cfg.dump(folder / 'run.py')
    return run(Config.fromfile(folder / 'run.py'))


def files(runner: Runner) -> tuple[Path, Path]:
    folder = Path(runner.work_dir)
    return folder.parent / 'run.py', folder / 'epoch_1.pth'


def test_it_has_the_metric_that_the_run_has_logged(
    trained: Runner, tmp_path: Path
) -> None:
    config, checkpoint = files(trained)
    done = run_script(
        *('tools/export_student.py', config, checkpoint, tmp_path),
        *('--peer', 'narrow'),
    )
    assert done.returncode == 0, done.stderr
    cfg = Config.fromfile(tmp_path / 'run.py')
    assert 'custom_hooks' not in cfg
    weights = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)['state_dict']
    assert weights['backbone.conv1.weight'].shape[0] == 4
    cfg.work_dir, cfg.load_from = str(tmp_path / 'test'), str(tmp_path / 'epoch_1.pth')
    cfg.experiment_name = cfg.visualizer.name = 'exported_peer'
    found = Runner.from_cfg(cfg).test()
    lines = next(Path(trained.work_dir).rglob('vis_data/scalars.json')).read_text()
    logged: dict[str, Any] = {}
    for line in lines.splitlines():
        logged |= json.loads(line)
    assert found['accuracy/top1'] == pytest.approx(logged['narrow/accuracy/top1'])


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        (
            'narow',
            "has no peer 'narow', its peers are: 'narrow'; give the config",
        ),
        ('other', "has no weights of the peer 'other'; it is of another run"),
    ],
)
def test_a_peer_that_is_not_there_is_refused(
    name: str, message: str, trained: Runner, tmp_path: Path
) -> None:
    config, checkpoint = files(trained)
    if name == 'other':
        text = config.read_text().replace("'narrow'", "'other'")
        config = tmp_path / 'other.py'
        config.write_text(text)
    with pytest.raises(ValueError, match=message):
        export_peer(config, checkpoint, tmp_path / 'out', name)
