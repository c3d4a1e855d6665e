"""TF32 on a CPU: convolutions that round as cuDNN's do by default."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ['emulate_tf32', 'precision']


def emulate_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have convolutions take 10 bits of mantissa wherever cuDNN would be allowed to."""
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', True)
    conv2d = F.conv2d

    def convolve(images: Tensor, weight: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if precision() != 'ieee':
            images, weight = _rounded(images), _rounded(weight)
        return conv2d(images, weight, *args, **kwargs)

    monkeypatch.setattr(F, 'conv2d', convolve)


def precision() -> str:
    """Of convolutions in float32: 'tf32' or 'ieee'."""
    cudnn: Any = torch.backends.cudnn
    return cudnn.conv.fp32_precision


def _rounded(values: Tensor) -> Tensor:
    """To the nearest number with 10 bits, ties to even."""
    bits = values.contiguous().view(torch.int32)
    bits = (bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFF
    return bits.view(torch.float32)
