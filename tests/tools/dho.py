"""Runs of a student with a second head, on labelled and on unlabelled images."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..guarantees.folders import folder_loader

__all__ = ['TERM', 'Configs', 'configs', 'dho']

Configs = Callable[..., Config]
TERM: dict[str, Any] = dict(
    data='both',
    on=dict(student='embedding', teacher='logits'),
    loss=dict(type='DHOLoss', mixture=0.3, mixture_temperature=0.7),
)


def dho(teacher: Any, folder: Path, **changes: Any) -> dict[str, Any]:
    """The hook of the paper: the student's own losses, and both batches of the term."""
    loader = folder_loader(folder, 'mmpretrain', batch_size=12)
    del loader['dataset']['pipeline'][2]
    return dict(
        type='DistillationHook',
        teacher=teacher,
        distill=dict(dho={**deepcopy(TERM), **changes}),
        unlabelled=dict(dataloader=loader),
    )


def configs(
    classifier_config: Configs, teacher: dict[str, Any], folder: Path
) -> Configs:
    """Configs of a student that is validated behind each epoch."""

    def make(work_dir: Path, **changes: Any) -> Config:
        changes.setdefault('custom_hooks', [dho(teacher, folder)])
        cfg = classifier_config(work_dir, **changes)
        cfg.train_cfg.val_interval = 1
        return cfg

    return make
