"""Recipes without labels: of configs/no_labels, and of docs/tutorials/no_labels.md."""

from __future__ import annotations

import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook
from ckd_mm.teachers.loading.build import build_model

from ..tutorials.page import files, python
from .catalog import metafiles_read_once

pytest.importorskip('timm')
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / 'configs/no_labels'
PAGE = ROOT / 'docs/tutorials/no_labels.md'
FOLDERS = ROOT / 'docs/tutorials/folders.md'
VIT = dict(embed_dim=24, depth=2, num_heads=2)
Losses = dict[str, float]


@pytest.fixture
def folder(digit_scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the data are as the recipes and the page say."""
    images = digit_scenes / 'train'
    for path in ('data/my_images', 'data/coco/unlabeled2017'):
        shutil.copytree(images, tmp_path / path)
    shutil.copytree(digit_scenes, tmp_path / 'data/digits/detection')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(path: Path) -> Config:
    with metafiles_read_once():
        return Config.fromfile(path)


def small(cfg: Config) -> Config:
    """The same with a narrow student, a tiny teacher and small images, on a CPU."""
    if cfg.model.backbone.depth == 50:
        cfg.model.backbone.update(base_channels=8, stem_channels=8)
        cfg.model.neck.in_channels = [32, 64, 128, 256]
    for hook in cfg.get('custom_hooks', []):
        hook.teacher.update(args=VIT, pretrained=False)
        if 'unlabelled' in hook:
            shrink(hook.unlabelled.dataloader)
    if 'optimizer' in cfg.optim_wrapper:
        cfg.optim_wrapper.type = 'OptimWrapper'
    return cfg


def shrink(loader: Any) -> None:
    loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    for step in loader.dataset.pipeline:
        if 'scale' in step:
            step.scale = (160, 64) if step.type == 'RandomResize' else (64, 64)
        if 'crop_size' in step:
            step.crop_size = (64, 64)


def two_steps(cfg: Config, name: str) -> tuple[Runner, Losses]:
    """Two iterations, a checkpoint, and the losses."""
    shrink(cfg.train_dataloader)
    cfg.work_dir, cfg.experiment_name = f'work_dirs/{name}', name
    cfg.visualizer.name = name
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
    cfg.param_scheduler = None
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', by_epoch=False)
    for split in ('val', 'test'):
        for part in ('dataloader', 'evaluator', 'cfg'):
            cfg[f'{split}_{part}'] = None
    runner = Runner.from_cfg(cfg)
    runner.train()
    scalars = runner.message_hub.log_scalars
    losses = {key: log.current() for key, log in scalars.items() if 'loss' in key}
    assert all(map(math.isfinite, losses.values()))
    return runner, losses


def check_starts_from(cfg: Config, trained: Runner, file: str) -> None:
    """The config names the file that the run before it has left."""
    at = cfg.model.backbone.init_cfg.checkpoint
    cfg.model.backbone.init_cfg.checkpoint = file
    if 'init_cfg' in cfg.model.neck:
        assert cfg.model.neck.init_cfg.checkpoint == at
        cfg.model.neck.init_cfg.checkpoint = file
    runner = Runner.from_cfg(Config(dict(cfg, work_dir='work_dirs/next')))
    runner.model.init_weights()
    for name, expected in trained.model.backbone.state_dict().items():
        assert torch.equal(runner.model.backbone.state_dict()[name], expected), name


@pytest.mark.parametrize(
    ('first', 'then'),
    [
        (
            'cosinemap_dinov3-r50_100e_unlabeled2017.py',
            'faster-rcnn_r50_fpn_1x_coco_from-dinov3.py',
        ),
        ('cosinemap_vit-r18-w8_6e_digits.py', 'faster-rcnn_r18-w8_digits_from-vit.py'),
    ],
)
def test_a_recipe_trains_and_the_next_starts_from_its_checkpoint(
    folder: Path, first: str, then: str
) -> None:
    runner, losses = two_steps(small(read(RECIPES / first)), 'first')
    assert set(losses) == {'train/loss', 'train/loss_cosinemap'}
    cfg = read(RECIPES / then)
    assert f'work_dirs/{Path(first).stem}/epoch_' in cfg.pretty_text
    check_starts_from(small(cfg), runner, 'work_dirs/first/iter_2.pth')


def test_the_recipes_are_these_and_their_docstrings_have_their_commands() -> None:
    files = sorted(RECIPES.glob('*.py'))
    assert len(files) == 4
    for file in files:
        assert f'configs/no_labels/{file.name}' in file.read_text()
        assert re.search(r'Ours: not\s+run\s+yet', file.read_text())


def test_the_blocks_of_the_page_train(folder: Path) -> None:
    blocks = python(PAGE)[:3]  # the others are of a classifier
    files = [folder / f'block_{number}.py' for number in range(len(blocks))]
    for file, text in zip(files, blocks, strict=True):
        file.write_text(text)
    first, then, beside = (small(read(file)) for file in files)
    assert first.default_hooks.checkpoint.interval == 5000
    runner, losses = two_steps(first, 'no_labels')
    assert set(losses) == {'train/loss', 'train/loss_maps'}
    check_starts_from(then, runner, 'work_dirs/no_labels/iter_2.pth')
    scenes = 'data/digits/detection/'
    beside.train_dataloader.dataset.update(
        data_root=scenes,
        ann_file='annotations/train.json',
        data_prefix=dict(img='train/'),
        metainfo=dict(classes=tuple(map(str, range(10)))),
    )
    beside.model.backbone.init_cfg = None
    beside.model.roi_head.bbox_head.num_classes = 10
    runner, losses = two_steps(beside, 'beside')
    assert {'train/loss_maps', 'train/loss_rpn_cls', 'train/loss_cls'} <= set(losses)
    assert sum(isinstance(hook, DistillationHook) for hook in runner.hooks) == 1


def test_the_blocks_of_the_page_on_a_classifier_train(
    digit_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go on with the files of the page on folders, beside an untrained teacher."""
    shutil.copytree(digit_images, tmp_path / 'data/my_images')
    shutil.copytree(digit_images / 'val', tmp_path / 'data/more_images')
    monkeypatch.chdir(tmp_path)
    for name, text in (files(FOLDERS) | files(PAGE)).items():
        Path(name).write_text(text)
    teacher = build_model(read(Path('my_teacher.py')))
    torch.save(teacher.state_dict(), 'teacher.pth')
    added = {'my_unlabelled': {'loss_student', 'loss_more'}, 'my_no_labels': set()}
    for name, more in added.items():
        cfg = read(Path(f'{name}.py'))
        cfg.custom_hooks[0].teacher.update(checkpoint='teacher.pth', evaluate=False)
        _, losses = two_steps(cfg, name)
        found = {key.removeprefix('train/') for key in losses}
        assert found == {'loss', 'loss_ckd', *more}
