"""Runs of a student that takes its teacher's classifier at inference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.config import Config

__all__ = ['TERM', 'Configs', 'configs', 'simkd']

Configs = Callable[..., Config]
TERM = dict(on='module:backbone:-1', loss=dict(type='SimKDLoss'))


def simkd(teacher: Any, **options: Any) -> dict[str, Any]:
    """The hook of the paper: nothing but this loss."""
    return {
        **dict(type='DistillationHook', teacher=teacher, distill=dict(simkd=TERM)),
        **dict(student_loss_weight=0.0),
        **options,
    }


def configs(classifier_config: Configs, teacher: dict[str, Any]) -> Configs:
    """Configs of a student whose last map is 4 x 4, beside the teacher's of 2 x 2."""

    def make(work_dir: Path, **changes: Any) -> Config:
        changes.setdefault('custom_hooks', [simkd(teacher)])
        cfg = classifier_config(work_dir, **changes)
        cfg.model.backbone.strides = (1, 2, 2, 1)
        cfg.train_cfg.val_interval = 1
        return cfg

    return make
