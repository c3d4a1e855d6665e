"""Which RoIs CKD compares on the digit scenes: each method trains, as it says."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.compare import read_comparison
from ckd_mm.compare.comparison import ALONE

ROOT = Path(__file__).parents[2]
TEACHER = 'configs/mmdet/digits/faster-rcnn_r18-w32_digits.py'
Losses = dict[str, float]


@pytest.fixture
def students(
    random_weights: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Config]:
    monkeypatch.chdir(ROOT)
    path = 'configs/compare/digit_scenes_rows.py'
    options = {'teacher.checkpoint': random_weights(TEACHER)}
    students = read_comparison(path, options).students
    students.pop(ALONE)
    return students


def two_iterations(cfg: Config, data: Path, work_dir: Path) -> Losses:
    for split in ('val', 'test'):
        for part in ('dataloader', 'evaluator', 'cfg'):
            cfg[f'{split}_{part}'] = None
    cfg.work_dir = str(work_dir)
    cfg.train_dataloader.batch_size = 2
    cfg.train_dataloader.dataset.data_root = f'{data}/'
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
    cfg.param_scheduler = None
    cfg.default_hooks.checkpoint = None
    runner = Runner.from_cfg(cfg)
    runner.train()
    scalars = runner.message_hub.log_scalars
    return {name: log.current() for name, log in scalars.items() if 'loss' in name}


@pytest.mark.slow
def test_each_student_trains_and_each_change_takes_effect(
    students: dict[str, Config], digit_scenes: Path, tmp_path: Path
) -> None:
    losses = {
        title: two_iterations(cfg, digit_scenes, tmp_path / str(number))
        for number, (title, cfg) in enumerate(students.items())
    }
    for title, found in losses.items():
        assert all(map(math.isfinite, found.values())), title
    base, *changed, with_boxes = losses.values()
    values = [found['train/loss_ckd'] for found in (base, *changed)]
    assert len(set(values)) == len(values), losses
    assert with_boxes.keys() - base.keys() == {'train/loss_boxregression'}
