"""Runs of a RetinaNet with a connector before a teacher's head of another shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from .adapters.detectors import ONE_STAGE, narrow, narrow_dense

__all__ = ['dense_config', 'dense_hook']

Make = Callable[..., Config]


def dense_config(make: Make, convs: int, width: int) -> Make:
    """A RetinaNet on the digit scenes whose head has so many and so wide layers."""

    def change(model: ConfigDict) -> None:
        narrow_dense(model)
        model.bbox_head.update(stacked_convs=convs, feat_channels=width)

    def config(folder: Path, **changes: Any) -> Config:
        cfg = make(folder, **changes)
        preprocessor = cfg.model.data_preprocessor
        cfg.model = narrow(ONE_STAGE['RetinaNet'], change)
        cfg.model.data_preprocessor = preprocessor
        return cfg

    return config


def dense_hook(teacher: Any) -> dict[str, Any]:
    losses = {'cross_logits': 'QualityFocalKDLoss', 'cross_boxes': 'BoxIoUKDLoss'}
    terms = {
        on: dict(on=dict(part=on, connector=True), loss=dict(type=loss))
        for on, loss in losses.items()
    }
    return dict(type='DistillationHook', teacher=teacher, distill=terms)
