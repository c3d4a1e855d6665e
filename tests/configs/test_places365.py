"""The Places365 configs: data, schedule, and what is set for its pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from PIL import Image

from .catalog import CONFIGS, distilling_hook, loaded, rates

FOLDER = 'configs/mmpretrain/places365'
HERE = [path for path in CONFIGS if path.startswith(FOLDER)]
TEACHERS = {'r34-r18': 'resnet34', 'r50-mv1': 'resnet50'}


@pytest.mark.parametrize('path', HERE)
def test_all_have_the_schedule_of_ckds_authors(path: str) -> None:
    expected = [0.2] * 30 + [0.02] * 30 + [0.002] * 30 + [0.0002] * 11
    assert rates(path) == pytest.approx(expected)
    cfg = loaded(path)
    assert cfg.train_dataloader.batch_size * 8 == 256
    assert cfg.auto_scale_lr.base_batch_size == 256
    assert cfg.model.head.num_classes == 365


@pytest.mark.parametrize('split', ['train', 'val'])
def test_a_folder_of_the_documented_layout_is_a_class(
    split: str, tmp_path: Path
) -> None:
    for name in ('beach', 'airfield'):
        folder = tmp_path / split / name
        folder.mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / '0.jpg')
    cfg = loaded(HERE[0])[f'{split}_dataloader'].dataset
    assert cfg.data_root == 'data/places365'
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(dict(cfg, data_root=str(tmp_path)))
    assert dataset.CLASSES == ('airfield', 'beach')
    assert list(dataset.get_gt_labels()) == [0, 1]


@pytest.mark.parametrize('method', ['ckd', 'kd', 'dkd', 'reviewkd', 'ckd-reviewkd'])
@pytest.mark.parametrize(('pair', 'teacher'), TEACHERS.items())
def test_a_pair_has_the_settings_of_imagenet(
    pair: str, teacher: str, method: str
) -> None:
    hook = distilling_hook(f'{FOLDER}/{method}_{pair}_100e_places365.py')
    assert Path(hook['teacher']['config']).stem == f'{teacher}_100e_places365'
    assert hook['teacher']['checkpoint'].endswith(f'places365/{teacher}.pth')
    imagenet = f'configs/mmpretrain/imagenet/{method}_{pair}_100e_in1k.py'
    assert hook['distill'] == distilling_hook(imagenet)['distill']
