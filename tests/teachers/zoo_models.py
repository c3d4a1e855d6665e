"""Small models of the real classes of MMDetection and MMPretrain, by their configs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest import mock

import torch
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from scipy.interpolate import RectBivariateSpline
from torch import nn

from ..adapters.detectors import narrow, narrow_rois

__all__ = [
    'FASTER_RCNN',
    'aws',
    'build',
    'classifier',
    'deformable',
    'detector',
    'libraries',
    'lora',
    'masks',
    'narrow_rpn',
    'sam',
    'soft_teacher',
    'swin',
    'swin_v2',
    't2t',
    'vit',
    'wrapped',
]

TRANSFORMER = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)
SWIN = dict(embed_dims=8, depths=[1] * 4, num_heads=[2] * 4)
SWIN2 = dict(SWIN, extra_norm_every_n_blocks=0)
SAM = dict(TRANSFORMER, global_attn_indexes=[1])
FASTER_RCNN = 'faster_rcnn/faster-rcnn_r50_fpn_1x_coco'


def build(config: dict[str, Any], seed: int) -> BaseModel:
    """With random parameters, so that one that stays as it was is seen."""
    with DefaultScope.overwrite_default_scope(config.pop('_scope_')):
        model = MODELS.build(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=generator)
    return model


def detector(
    name: str, change: Callable[[Any], None] | None = None
) -> Callable[[], dict[str, Any]]:
    return lambda: dict(narrow(name, change), _scope_='mmdet')


def classifier(backbone: str, **options: Any) -> Callable[[], dict[str, Any]]:
    """A backbone alone with a name for its weights, as a classifier has it."""
    return lambda: dict(
        type='ImageClassifier',
        _scope_='mmpretrain',
        backbone=dict(type=backbone, **options),
    )


def narrow_rpn(model: Any) -> None:
    model.rpn_head.update(in_channels=32, feat_channels=32)


def aws(model: Any) -> None:
    narrow_rois(model)
    model.backbone.conv_cfg = dict(type='ConvAWS')


def deformable(version: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        narrow_rois(model)
        model.backbone.update(
            depth=50,
            dcn=dict(type=version, deform_groups=1),
            stage_with_dcn=(False, False, False, True),
        )
        model.neck.in_channels = [32, 64, 128, 256]

    return change


def masks(name: str) -> Callable[[], dict[str, Any]]:
    """A model with a head of masks, with one layer of everything."""

    def config() -> dict[str, Any]:
        model = get_config(f'mmdet::{name}.py').model
        head = model.get('panoptic_head') or model.track_head
        head.update(in_channels=[8, 16, 32, 64], num_queries=5)
        head.transformer_decoder.num_layers = 1
        head.pixel_decoder.encoder.num_layers = 1
        model.backbone.update(depth=18, base_channels=8, stem_channels=8)
        return dict(model, _scope_='mmdet')

    return config


def soft_teacher() -> dict[str, Any]:
    model = get_config(
        'mmdet::soft_teacher/'
        'soft-teacher_faster-rcnn_r50-caffe_fpn_180k_semi-0.1-coco.py'
    ).model
    model.detector = narrow('faster_rcnn/faster-rcnn_r50_fpn_1x_coco', narrow_rois)
    return dict(model, _scope_='mmdet')


def swin(img_size: int, window: int, **more: Any) -> Callable[[], dict[str, Any]]:
    return classifier(
        'SwinTransformer', arch=SWIN, img_size=img_size, window_size=window, **more
    )


def swin_v2(img_size: int, window: int) -> Callable[[], dict[str, Any]]:
    return classifier(
        'SwinTransformerV2', arch=SWIN2, img_size=img_size, window_size=window
    )


def vit(kind: str, img_size: int, **more: Any) -> Callable[[], dict[str, Any]]:
    return classifier(kind, arch=TRANSFORMER, img_size=img_size, patch_size=8, **more)


def sam(img_size: int) -> Callable[[], dict[str, Any]]:
    return classifier(
        'ViTSAM',
        arch=SAM,
        img_size=img_size,
        patch_size=8,
        out_channels=8,
        use_rel_pos=True,
        window_size=2,
    )


def t2t(img_size: int) -> Callable[[], dict[str, Any]]:
    return classifier(
        'T2T_ViT',
        img_size=img_size,
        embed_dims=16,
        num_layers=2,
        t2t_cfg=dict(token_dims=8, use_performer=False),
        layer_cfgs=dict(num_heads=2, feedforward_channels=32),
    )


def lora() -> dict[str, Any]:
    module = vit('VisionTransformer', 32)()['backbone']
    backbone = dict(type='LoRAModel', module=module, rank=2, targets=[dict(type='qkv')])
    return dict(type='ImageClassifier', _scope_='mmpretrain', backbone=backbone)


def wrapped(kind: str) -> Callable[[], dict[str, Any]]:
    return lambda: dict(type=kind, _scope_='mmpretrain', model_name='tiny')


@contextmanager
def libraries() -> Iterator[None]:
    """timm and Hugging Face with one tiny network each, and SciPy's former `interp2d`.

    The classes that wrap and use them are MMPretrain's.
    """

    def tiny(*_: Any, **__: Any) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

    def interp2d(x: Any, y: Any, z: Any, kind: str) -> Callable[..., Any]:
        spline = RectBivariateSpline(y, x, z)
        return lambda new_x, new_y: spline(new_y, new_x)

    timm, models, transformers = map(
        ModuleType, ('timm', 'timm.models', 'transformers')
    )
    models.create_model = tiny  # type: ignore[attr-defined]
    maker = mock.Mock(from_pretrained=tiny, from_config=tiny)
    transformers.AutoConfig = maker  # type: ignore[attr-defined]
    transformers.AutoModelForImageClassification = maker  # type: ignore[attr-defined]
    from mmpretrain.models import HuggingFaceClassifier, TimmClassifier

    with ExitStack() as stack:
        modules = {module.__name__: module for module in (timm, models, transformers)}
        stack.enter_context(mock.patch.dict(sys.modules, modules))
        for cls in (TimmClassifier, HuggingFaceClassifier):
            init = getattr(cls.__init__, '__wrapped__', cls.__init__)  # not @require
            stack.enter_context(mock.patch.object(cls, '__init__', init))
        stack.enter_context(mock.patch('scipy.interpolate.interp2d', interp2d))
        yield
