"""Feature maps in 8 bits, with a scale for each channel of each image.

A map's channel x is stored as round(127 x / s), where s is the largest |x| of the
channel in the image. So a row depends on its image alone, and no data are needed to
find the scales. The error of a value is at most s / 254.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ['LARGEST', 'quantised', 'restored']

LARGEST = 127


def quantised(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows as int8, and their scales in float32.

    Args:
        rows: Maps (N, C, H, W), tokens (N, L, C), or vectors (N, C). Vectors have one
            scale for each image.

    Returns:
        Tensors of the shape of `rows` and, for maps, (N, C, 1, 1), for tokens
        (N, 1, C), for vectors (N, 1). What is not finite stays so in the scales.
    """
    rows = rows.float()
    over = {4: (2, 3), 3: (1,)}.get(rows.ndim, tuple(range(1, rows.ndim)))
    scales = rows.abs().amax(over, keepdim=True) / LARGEST if over else rows.abs()
    divisor = scales.masked_fill(scales == 0, 1.0)
    return (rows / divisor).round().to(torch.int8), scales


def restored(values: Tensor, scales: Tensor) -> Tensor:
    """The rows in float32."""
    return values.float() * scales
