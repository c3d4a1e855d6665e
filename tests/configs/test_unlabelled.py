"""Images without labels beside labelled ones, on the digits: each method trains."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner

from ckd_mm.compare import read_comparison
from ckd_mm.datasets.digits import write_digit_images

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
TEACHERS = {
    'unlabelled_digits': 'configs/mmpretrain/digits/resnet18-w16_digits.py',
    'unlabelled_scenes': 'configs/mmdet/digits/faster-rcnn_r18-w32_digits.py',
}
Students = dict[str, Config]


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All digit images."""
    root = tmp_path_factory.mktemp('data') / 'images'
    write_digit_images(root)
    return root / 'train'


def students_of(name: str, weights: str) -> Students:
    options = {'teacher.checkpoint': weights}
    return read_comparison(f'configs/compare/{name}.py', options).students


def small(cfg: Config, images: Path, work_dir: Path) -> Config:
    for split in ('val', 'test'):
        for part in ('dataloader', 'evaluator', 'cfg'):
            cfg[f'{split}_{part}'] = None
    cfg.work_dir = str(work_dir)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=1)
    cfg.param_scheduler = None
    cfg.default_hooks.checkpoint = None
    loader = cfg.train_dataloader
    loaders = [loader]
    for hook in cfg.get('custom_hooks', []):
        if 'unlabelled' in hook:
            loaders.append(hook.unlabelled.dataloader)
    for one in loaders:
        one.batch_size = 2
        if cfg.default_scope == 'mmpretrain':
            one.dataset.data_root = str(images)
        else:
            one.dataset.update(data_root=f'{images}/', indices=2)
    return cfg


def losses_of(cfg: Config) -> dict[str, float]:
    runner = Runner.from_cfg(cfg)
    runner.train()
    scalars = runner.message_hub.log_scalars
    return {name: log.current() for name, log in scalars.items() if 'loss' in name}


@pytest.mark.parametrize('name', TEACHERS)
def test_each_method_of_a_comparison_trains(
    name: str,
    random_weights: Callable[[str], str],
    images: Path,
    digit_scenes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    weights = random_weights(TEACHERS[name])
    data = images if name == 'unlabelled_digits' else digit_scenes
    losses: dict[str, dict[str, float]] = {}
    for number, (title, cfg) in enumerate(students_of(name, weights).items()):
        for hook in cfg.get('custom_hooks', []):
            hook.teacher.checkpoint = weights
        losses[title] = losses_of(small(cfg, data, tmp_path / str(number)))
    for title, found in losses.items():
        assert all(map(math.isfinite, found.values())), title
    for title in losses:
        if title.endswith(', both'):
            labelled = losses[title.replace('both', 'labelled')]
            assert losses[title]['train/loss'] > labelled['train/loss'], title


def test_a_tenth_of_the_digits_and_the_rest_are_all_of_them(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every tenth is labelled, about 12 of each; no image is in both sets."""
    folder = ROOT / 'configs/mmpretrain/digits'
    cfg = Config.fromfile(folder / 'dho-unlabelled_r18-w16-r18-w2_190e_digits-tenth.py')
    configs: list[Any] = [
        cfg.train_dataloader.dataset,
        cfg.custom_hooks[0].unlabelled.dataloader.dataset,
    ]
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        labelled, rest = (
            DATASETS.build(dict(one, data_root=str(images))) for one in configs
        )
    assert (len(labelled), len(rest)) == (121, 1080)
    numbers = [labelled.get_data_info(number)['gt_label'] for number in range(121)]
    assert all(11 <= numbers.count(digit) <= 13 for digit in range(10))
    paths = [
        {Path(one.get_data_info(number)['img_path']) for number in range(len(one))}
        for one in (labelled, rest)
    ]
    assert len(paths[0] | paths[1]) == 1201
