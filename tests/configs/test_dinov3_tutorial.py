"""The blocks of docs/tutorials/dinov3.md, in their order, in the folder of a user."""

from __future__ import annotations

import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from tools import cache_teacher

from ..tutorials.page import files, python
from .catalog import metafiles_read_once

pytest.importorskip('timm')
pytest.importorskip('safetensors')
pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / 'docs/tutorials/dinov3.md'
VIT = 'embed_dim=24, depth=2, num_heads=2'
# What makes a config of the page small stands behind it, as a user's own lines would.
SMALL_STUDENT = """
model['backbone'] = dict(base_channels=8, stem_channels=8, init_cfg=None)
model['neck'] = dict(in_channels=[32, 64, 128, 256])
model['train_cfg'] = dict(
    rpn_proposal=dict(max_per_img=50), rcnn=dict(sampler=dict(num=16))
)
train_dataloader['dataset']['indices'] = val_dataloader['dataset']['indices'] = 2
train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
val_dataloader.update(num_workers=0, persistent_workers=False)
for loader, resize in (('train', 2), ('val', 1), ('test', 1)):
    _base_[f'{loader}_dataloader'].dataset.pipeline[resize].scale = (96, 96)
del loader, resize
train_cfg = dict(max_epochs=1)
default_hooks = dict(logger=dict(interval=1))
"""
SMALL_TEACHER = f"""
custom_hooks[0]['teacher'].update(pretrained=False, args=dict({VIT}))
"""
SMALL = {'my_student.py': SMALL_STUDENT, 'my_distillation.py': SMALL_TEACHER}


@pytest.fixture
def folder(digit_scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's: data of two classes, and nothing else."""
    data = tmp_path / 'data/parts'
    shutil.copytree(digit_scenes, data)
    for split in ('train', 'val'):
        _name_two_classes(data / f'annotations/{split}.json')
    shutil.copy(next((data / 'val').glob('*')), tmp_path / 'photo.jpg')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _name_two_classes(file: Path) -> None:
    content = json.loads(file.read_text())
    content['categories'] = [dict(id=i, name=name) for i, name in enumerate(CLASSES)]
    for box in content['annotations']:
        box['category_id'] %= 2
    file.write_text(json.dumps(content))


CLASSES = ('bolt', 'nut')


def trained(name: str, validate: bool = False) -> dict[str, Any]:
    """All values that the log of a run has, by name."""
    with metafiles_read_once():
        cfg = Config.fromfile(f'{name}.py')
    cfg.work_dir = f'work_dirs/{name}'
    cfg.experiment_name = cfg.visualizer.name = name
    for split in ('test',) if validate else ('val', 'test'):
        for part in ('dataloader', 'evaluator', 'cfg'):
            cfg[f'{split}_{part}'] = None
    runner = Runner.from_cfg(cfg)
    runner.train()
    logs = runner.message_hub.log_scalars
    return {key.split('/', 1)[-1]: log.current() for key, log in logs.items()}


def test_the_blocks_of_the_page_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, loading, _, _, _, save, local = python(PAGE)
    for name, text in (files(PAGE) | {'my_local.py': local}).items():
        Path(name).write_text(text.replace('640', '96') + SMALL.get(name, ''))

    log = trained('my_distillation', validate=True)
    assert {'loss_dinov3', 'loss_cls', 'coco/bbox_mAP'} <= log.keys()
    assert 0 < log['dinov3_share'] < 1 and log['dinov3_weight'] > 0
    exec(loading.replace('epoch_12', 'epoch_1'), {})

    assert math.isfinite(trained('my_faster')['loss_dinov3'])
    tool = ['cache_teacher.py', 'my_cacheable.py', 'caches/dinov3', '--epochs', '2']
    monkeypatch.setattr(sys, 'argv', tool)
    cache_teacher.main()
    assert 0 < trained('my_cached')['loss_dinov3'] < 2

    exec(save.replace('pretrained=True', f'pretrained=False, {VIT}'), {})
    assert math.isfinite(trained('my_local')['loss_dinov3'])


def test_what_the_page_says_of_sizes_is_so() -> None:
    per_image = 768 * 20 * 20 * 2
    assert f'{per_image / 1e6:.1f} MB for each image' in PAGE.read_text()
    assert f'{per_image * 10_000 * 12 / 1e9:.0f} GB for 10,000' in PAGE.read_text()
