"""Bring feature maps of different sizes to one size."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

__all__ = ['of_smaller_size', 'pooled_to']


def of_smaller_size(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Both maps, the larger one average-pooled to the smaller size, per axis."""
    size = (
        min(student.shape[2], teacher.shape[2]),
        min(student.shape[3], teacher.shape[3]),
    )
    return pooled_to(student, size), pooled_to(teacher, size)


def pooled_to(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Average pooling to a height and width; maps of that size stay as they are."""
    return maps if maps.shape[2:] == size else F.adaptive_avg_pool2d(maps, size)
