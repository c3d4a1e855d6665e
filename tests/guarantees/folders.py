"""Configs of students that are trained on folders of images, without labels."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from mmengine.config import Config

__all__ = ['FIT', 'folder_loader', 'hook', 'without_labels']

PIPELINES: dict[str, list[dict[str, Any]]] = {
    'mmdet': [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(96, 96), keep_ratio=True),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PackDetInputs'),
    ],
    'mmpretrain': [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=16),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PackInputs'),
    ],
}
FIT = dict(on='neck', loss=dict(type='FitNetLoss', norm=False, relu=False))


def folder_loader(
    folder: Path, library: str = 'mmdet', batch_size: int = 4, **options: Any
) -> dict[str, Any]:
    """A data loader of a folder of images."""
    dataset = dict(
        type='ImageFolderDataset',
        data_root=str(folder),
        pipeline=deepcopy(PIPELINES[library]),
    )
    return dict(batch_size=batch_size, num_workers=0, dataset=dataset, **options)


def hook(teacher: dict[str, Any], /, **terms: Any) -> dict[str, Any]:
    """A hook with these terms, and without the student's own losses."""
    return dict(
        type='DistillationHook', teacher=teacher, distill=terms, student_loss_weight=0
    )


def without_labels(cfg: Config, folder: Path, iters: int = 3) -> Config:
    """The config with a folder as its training data, and nothing else."""
    cfg.train_dataloader = folder_loader(
        folder,
        cfg.default_scope,
        sampler=dict(type='InfiniteSampler', shuffle=True),
    )
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iters)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', by_epoch=False)
    cfg.default_hooks.logger.interval = 1
    return cfg
