"""Which teacher a cache is of."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from mmengine.model import BaseModel

from ckd_mm.cache.identity import plain, weights_hash
from ckd_mm.teachers import Speed, TeacherConfig
from ckd_mm.teachers.loading.build import read_config

__all__ = ['teacher_identity']


def teacher_identity(config: TeacherConfig, model: BaseModel) -> dict[str, Any]:
    """Its name, and what decides on the values that it computes.

    Args:
        config: What the hook says of it.
        model: As it runs.
    """
    cfg, _ = read_config(config.config)
    speed = {option.name: getattr(config, option.name) for option in fields(Speed)}
    return {
        'name': type(model).__name__,
        'model': plain(cfg.model),
        'data_preprocessor': plain(cfg.get('data_preprocessor')),
        'speed': plain(speed),
        'weights': weights_hash(model),
    }
