"""Class activation maps: what a classifier's linear layer sees at each position.

Of a classifier that takes the mean of its last map over all positions and one linear
layer, the layer may come first: its logits are the mean of the maps (N, C, H, W) that
it makes of each position, plus its bias.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.core.levels import maps_of
from ckd_mm.adapters.core.pair_spec import Readout
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.sharding import is_sharded

__all__ = ['activation_maps', 'why_no_activation_maps']

_HEADS = ('LinearClsHead', 'MultiLabelLinearClsHead')
"""Heads of MMPretrain that are one linear layer, `fc`."""


def why_no_activation_maps(whose: str, model: BaseModel) -> str:
    """Why a classifier has no class activation maps; empty if it has.

    Args:
        whose: `'student'` or `'teacher'`, for the reason.
        model: The classifier.
    """
    neck, head = getattr(model, 'neck', None), getattr(model, 'head', None)
    is_linear = type(head).__name__ in _HEADS
    if type(neck).__name__ != 'GlobalAveragePooling' or not is_linear:
        given = 'no neck' if neck is None else type(neck).__name__
        return (
            'class activation maps need the mean of a map and one linear layer, '
            f'GlobalAveragePooling and LinearClsHead of MMPretrain, but the {whose} '
            f'has {given} and {type(head).__name__}'
        )
    if not isinstance(getattr(neck, 'gap', None), nn.AdaptiveAvgPool2d):
        return (
            'class activation maps need feature maps (N, C, H, W), but the neck of the '
            f'{whose} pools positions that have no height and width'
        )
    if is_sharded(model):
        return (
            f'the {whose} is sharded, and the weights of its classifier are gathered '
            'only while it runs; train with DDP'
        )
    return ''


def activation_maps(model: BaseModel, bias: bool) -> Readout:
    """How the maps (N, C, H, W) are made of the last map of the backbone.

    They are made with gradient, also to the weights of the layer, where these have one.

    Args:
        model: A classifier that has such maps.
        bias: Whether they have the bias of each class. Their mean over the positions
            then is the logits.
    """
    return Readout((Tap('backbone'),), partial(_maps, model, bias), num_levels=1)


def _maps(model: Any, bias: bool, values: list[Any], step: Step) -> Tensor:
    maps = maps_of(model.backbone, values[0])
    last_NDHW = maps if isinstance(maps, Tensor) else maps[-1]
    layer, last_NDP = model.head.fc, last_NDHW.flatten(2)
    positions_NPD = last_NDP.mT.to(layer.weight.dtype)
    maps_NPC = F.linear(positions_NPD, layer.weight, layer.bias if bias else None)
    return maps_NPC.mT.unflatten(2, last_NDHW.shape[2:])
