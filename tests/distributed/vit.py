"""A small vision transformer, whose backbone has blocks to shard."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config

__all__ = ['as_vit']


def as_vit(cfg: Config, width: int = 16, num_layers: int = 2) -> Config:
    """The config of a classifier of 16x16 images, as a vision transformer."""
    arch = dict(
        embed_dims=width,
        num_layers=num_layers,
        num_heads=2,
        feedforward_channels=2 * width,
    )
    backbone: dict[str, Any] = dict(
        type='VisionTransformer',
        arch=arch,
        img_size=16,
        patch_size=4,
        out_type='featmap',
    )
    head = dict(
        type='LinearClsHead',
        num_classes=10,
        in_channels=width,
        loss=dict(type='CrossEntropyLoss'),
    )
    cfg.model = dict(
        type='ImageClassifier',
        backbone=backbone,
        neck=dict(type='GlobalAveragePooling'),
        head=head,
    )
    return cfg
