"""A small real classifier with random augmentations, its teacher, and caches of it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from ckd_mm.commands.fill_cache import cache_teacher
from ckd_mm.datasets.digits import write_digit_images

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=16),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs'),
]
IMAGES = 300
TERMS: dict[str, Any] = dict(
    kd=dict(on='logits', loss=dict(type='KDLoss')),
    sp=dict(on='embedding', loss=dict(type='SPLoss')),
    at=dict(on='backbone', loss=dict(type='ATLoss', loss_weight=100.0)),
)

VIT: dict[str, Any] = dict(
    type='timm',
    model='vit_tiny_patch16_224',
    args=dict(embed_dim=24, depth=3, num_heads=2),
    pretrained=False,
)
PART = 'module:blocks:-2'
LEVEL = dict(student='neck:2', teacher='blocks:-2')
PADDED = [dict(type='BatchFixedSizePad', size=(96, 128))]
SIZES = dict(type='RandomChoiceResize', scales=[(96, 96), (64, 64)], keep_ratio=True)

Make = Callable[..., Config]


@pytest.fixture(scope='session')
def all_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('data') / 'all'
    write_digit_images(root)
    return root


@pytest.fixture(scope='session')
def make(
    classifier_config: Make, classifier_teacher: dict[str, Any], all_digits: Path
) -> Make:
    """A config with augmentations; with a teacher or a cache where one is named."""

    def make(
        work_dir: Path,
        teacher: Any = None,
        terms: dict[str, Any] = TERMS,
        replayed: int | None = None,
        workers: int = 0,
        **changes: Any,
    ) -> Config:
        hooks: list[dict[str, Any]] = []
        if teacher is not None:
            teacher = classifier_teacher if teacher == 'itself' else teacher
            hooks += [dict(type='DistillationHook', teacher=teacher, distill=terms)]
        if replayed is not None:
            hooks += [dict(type='ReplayHook', epochs=replayed)]
        cfg = classifier_config(work_dir, custom_hooks=hooks, **changes)
        cfg.train_dataloader.dataset.data_root = str(all_digits)
        cfg.train_dataloader.dataset.pipeline = PIPELINE
        cfg.optim_wrapper.optimizer.lr = 0.01
        cfg.train_dataloader.dataset.indices = IMAGES
        cfg.train_dataloader.batch_size = 64
        cfg.train_dataloader.num_workers = workers
        cfg.train_dataloader.persistent_workers = workers > 0
        return cfg

    return make


@pytest.fixture(scope='session')
def exact(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs in float32."""
    folder = tmp_path_factory.mktemp('exact')
    cfg = make(folder, 'itself')
    cache_teacher(cfg, folder / 'cache', epochs=2, dtype='float32')
    return folder / 'cache'


@pytest.fixture(scope='session')
def vit(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A teacher with seeded weights, in a file."""
    timm = pytest.importorskip('timm')
    path = tmp_path_factory.mktemp('vit') / 'vit.pth'
    torch.manual_seed(0)
    model = timm.create_model(VIT['model'], **VIT['args'])
    torch.save(model.state_dict(), path)
    return dict(VIT, checkpoint=str(path))


@pytest.fixture(scope='session')
def make_maps(detector_config: Make, vit: dict[str, Any]) -> Make:
    """A detector whose images have two sizes, all padded to one."""

    def make(
        work_dir: Path,
        teacher: Any = None,
        on: Any = LEVEL,
        replayed: int | None = None,
        **options: Any,
    ) -> Config:
        term = dict(on=on, loss=dict(type='FitNetLoss'))
        hook = dict(
            type='DistillationHook',
            teacher=teacher or {**vit, **options},
            distill=dict(fit=term),
        )
        hooks = [hook]
        if replayed is not None:
            hooks += [dict(type='ReplayHook', epochs=replayed)]
        cfg = detector_config(work_dir, epochs=2, custom_hooks=hooks)
        cfg.model.data_preprocessor.batch_augments = deepcopy(PADDED)
        cfg.train_dataloader.dataset.pipeline[2] = deepcopy(SIZES)
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        return cfg

    return make


@pytest.fixture(scope='session')
def exact_maps(make_maps: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs in float32."""
    folder = tmp_path_factory.mktemp('exact_maps')
    cache_teacher(make_maps(folder), folder / 'cache', epochs=2, dtype='float32')
    return folder / 'cache'
