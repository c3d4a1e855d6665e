"""Teachers whose classes have another order, or are more: the same model otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from mmengine.model import BaseModel
from torch import nn

from ckd_mm.adapters.core.class_names import ClassNames

__all__ = ['ORDER', 'STUDENT', 'permuted', 'renamed']

STUDENT = list('abcdefghij')
ORDER = [3, 1, 0, 9, 7, 5, 2, 8, 4, 6]
# What a layer says of each class: so many numbers, side by side.
_LAYERS = {
    'fc_cls': 1,
    'fc_reg': 4,
    'conv_logits': 1,
    'retina_cls': 1,
    'cls_branches': 1,
    'fc': 1,
}


def renamed(teacher: Sequence[str], student: Sequence[str] = STUDENT) -> ClassNames:
    """The names of both."""
    return ClassNames(dict(classes=list(student)), dict(classes=list(teacher)))


@torch.no_grad()
def permuted(model: BaseModel, order: Sequence[int]) -> BaseModel:
    """A copy whose class number i is the one that was number `order[i]`.

    Background, the row after the classes, stays the last.
    """
    copy = deepcopy(model)
    for name, layer in copy.named_modules():
        last = name.split('.')
        kind = next((part for part in last[-2:] if part in _LAYERS), None)
        if kind is None or not isinstance(layer, (nn.Linear, nn.Conv2d)):
            continue
        if kind == 'fc' and not name.startswith('head.'):
            continue
        for parameter in layer.parameters():
            parameter.copy_(_ordered(parameter, order, _LAYERS[kind]))
    return copy


def _ordered(rows: torch.Tensor, order: Sequence[int], size: int) -> torch.Tensor:
    groups = rows.unflatten(0, (-1, size))
    count = len(order)
    kept = len(groups) % count  # background
    classes = groups[: len(groups) - kept].unflatten(0, (-1, count))[:, list(order)]
    return torch.cat([classes.flatten(0, 1), groups[len(groups) - kept :]]).flatten(
        0, 1
    )
