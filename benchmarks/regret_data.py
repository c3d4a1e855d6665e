"""What benchmarks/suggest_regret.py trains: on digit images, and on digit scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ['DATA', 'Data', 'Grid']

Grid: TypeAlias = tuple[Sequence[float], Sequence[float]]
"""Weights, and temperatures."""
IMAGES = 'configs/mmpretrain/digits/'
SCENES = 'configs/mmdet/digits/'


@dataclass(frozen=True)
class Data:
    """What is trained on one of the two data sets.

    Attributes:
        base: The config of the student alone.
        configs: By method, its config.
        grids: By method, weights and temperatures.
        of_configs: The settings of the configs.
        metric: The metric of the regret.
        digits: Behind the point.
        options: Changes to all configs.
        out: Name of the result.
    """

    base: str
    configs: Mapping[str, str]
    grids: Mapping[str, Grid]
    of_configs: Sequence[str]
    metric: str
    digits: int
    options: Mapping[str, Any]
    out: str


DATA = {
    'images': Data(
        base=IMAGES + 'resnet18-w2_digits.py',
        configs={
            'KD': IMAGES + 'kd_r18-w16-r18-w2_20e_digits.py',
            'CKD': IMAGES + 'ckd_r18-w16-r18-w2_20e_digits.py',
        },
        grids={
            'KD': ((0.03, 0.1, 0.3, 0.9), (1.0, 2.0, 4.0, 8.0)),
            'CKD': ((0.3, 1.0, 3.0, 10.0), (0.1, 0.3, 1.0, 3.0)),
        },
        of_configs=('KD weight 0.9 T 4', 'CKD weight 10 T 1'),
        metric='accuracy/top1',
        digits=2,
        options={},
        out='suggest_regret',
    ),
    'scenes': Data(
        base=SCENES + 'faster-rcnn_r18-w8_digits.py',
        configs={
            'KD': SCENES + 'kd_r18-w32-r18-w8_6e_digits.py',
            'CKD': SCENES + 'ckd_r18-w32-r18-w8_6e_digits.py',
        },
        grids={
            'KD': ((0.1, 1.0, 10.0), (1.0, 4.0)),
            'CKD': ((0.1, 1.0, 10.0), (0.1, 1.0)),
        },
        of_configs=('KD weight 1 T 1', 'CKD weight 1 T 0.1'),
        metric='coco/bbox_mAP',
        digits=3,
        options={'train_cfg.max_epochs': 3, 'param_scheduler.1.T_max': 3},
        out='suggest_regret_scenes',
    ),
}
