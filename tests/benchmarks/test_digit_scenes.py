"""benchmarks/digit_scenes.py: the students of the set `rows` train, each as it says."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.compare import ALONE
from ckd_mm.compare.comparison import folder_name
from ckd_mm.untrained import build_untrained

ROOT = Path(__file__).parents[2]
Losses = dict[str, float]


@pytest.fixture(scope='module')
def benchmark() -> Iterator[Any]:
    before = list(sys.path)
    sys.path.insert(0, str(ROOT / 'benchmarks'))
    import digit_scenes

    yield digit_scenes
    sys.path[:] = before


@pytest.fixture(scope='module')
def train(
    benchmark: Any, digit_scenes: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Losses]:
    """Two iterations of a student of the set `rows`; its losses in the second."""
    folder = tmp_path_factory.mktemp('teacher')
    torch.manual_seed(0)
    _, teacher = build_untrained(str(benchmark.CONFIGS / f'{benchmark.TEACHER}.py'))
    torch.save(dict(state_dict=teacher.state_dict()), folder / 'teacher.pth')

    def run(title: str) -> Losses:
        student = benchmark.ROWS[title]
        cfg = student.read(folder / 'teacher.pth')
        return two_iterations(cfg, digit_scenes, folder / folder_name(title))

    return run


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
    benchmark: Any, train: Callable[[str], Losses]
) -> None:
    losses = {title: train(title) for title in benchmark.ROWS}
    for title, found in losses.items():
        assert all(map(math.isfinite, found.values())), title
    base, *changed, with_boxes = losses.values()
    values = [found['train/loss_ckd'] for found in (base, *changed)]
    assert len(set(values)) == len(values), losses
    assert with_boxes.keys() - base.keys() == {'train/loss_boxregression'}


def test_no_two_students_share_a_folder(benchmark: Any) -> None:
    for students in benchmark.SETS.values():
        titles = [ALONE, *students]
        assert len({folder_name(title) for title in titles}) == len(titles)
