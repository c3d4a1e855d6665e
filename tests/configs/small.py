"""What makes any config small: options for its widths, its pixels and its data.

Each function reads a config and gives options of the kind that `--cfg-options` takes.
They go by the names that MMDetection's configs have for widths and sizes, so that no
family of models is a case of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

__all__ = ['capped_sizes', 'data_set', 'narrowed', 'position_of_hook']

Options = dict[str, Any]
NUM_CLASSES = 10  # of the digit scenes
RESNET_WIDTH, QUERY_WIDTH = 64, 256  # defaults, which configs do not name
WIDTHS = (
    'in_channels',
    'out_channels',
    'feat_channels',
    'fc_out_channels',
    'conv_out_channels',
    'groups',
    'widen_factor',
    'embed_dims',
    'feedforward_channels',
    'num_feats',
    'num_queries',
)
SIZES = ('scale', 'scales', 'img_scale', 'size', 'crop_size')


def narrowed(model: dict[str, Any], divisor: int) -> Options:
    """A model's widths, divided, without public weights and for the digits' classes."""
    options: Options = {'model.backbone.init_cfg': None}
    if 'depth' in model['backbone']:
        for name in ('base_channels', 'stem_channels'):
            options[f'model.backbone.{name}'] = RESNET_WIDTH // divisor
    if 'decoder' in model:
        options['model.bbox_head.embed_dims'] = QUERY_WIDTH // divisor
    for key, value in _named(model, 'model'):
        name = key.split('.')[-1]
        if name == 'num_classes':
            options[key] = NUM_CLASSES
        elif name in WIDTHS:
            options[key] = _divided(value, divisor)
    return options


def capped_sizes(cfg: Config, size: int) -> Options:
    """The pixels of all transforms, at most as many; a mosaic's border is half."""
    options: Options = {}
    for part in ('train_dataloader', 'val_dataloader', 'custom_hooks'):
        for key, value in _named(cfg.get(part), part):
            name = key.split('.')[-1]
            if name in SIZES:
                options[key] = _capped(value, size)
            elif name == 'border':
                options[key] = (-size // 2, -size // 2)
    return options


def data_set(cfg: Config, loader: str) -> str:
    """The key of the data set that reads files; one that mixes images wraps it."""
    key = f'{loader}_dataloader.dataset'
    return f'{key}.dataset' if 'dataset' in cfg[f'{loader}_dataloader'].dataset else key


def position_of_hook(cfg: Config) -> int:
    """Which of a config's hooks distils."""
    types = [hook.type for hook in cfg.custom_hooks]
    return types.index('DistillationHook')


def _named(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """All items of nested dicts by dotted key; those of a list by their number."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield f'{key}.{name}', item
            yield from _named(item, f'{key}.{name}')
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _named(item, f'{key}.{index}')


def _divided(width: Any, divisor: int) -> Any:
    if isinstance(width, (list, tuple)):
        return [_divided(one, divisor) for one in width]
    exact = width / divisor
    return int(exact) if exact >= 1 else exact  # a share of the channels stays one


def _capped(value: Any, size: int) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_capped(one, size) for one in value)
    return min(value, size)
