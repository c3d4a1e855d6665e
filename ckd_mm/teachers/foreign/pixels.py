"""How a model of another library wants its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ['PixelFormat', 'Pixels']


@dataclass(frozen=True)
class PixelFormat:
    """What a library says of the images that its model was trained on.

    Args:
        mean: Of each channel, for pixels from 0 to `white`.
        std: The standard deviations.
        order: `'rgb'` or `'bgr'`.
        white: The value of a white pixel before mean and std are applied: 1 or 255.
    """

    mean: Sequence[float]
    std: Sequence[float]
    order: str = 'rgb'
    white: float = 1.0

    def __post_init__(self) -> None:
        if self.order not in ('rgb', 'bgr'):
            raise ValueError(
                f"teacher: channel_order must be 'rgb' or 'bgr', got {self.order!r}"
            )
        if self.white not in (1, 255):
            raise ValueError(
                'teacher: white must be 1 or 255, the value of a white pixel before '
                f'mean and std are applied, got {self.white!r}'
            )
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(
                'teacher: mean and std must have three numbers each, and std numbers '
                f'> 0, got {self.mean!r} and {self.std!r}'
            )
        if self.white == 1 and max(*self.mean, *self.std) > 1:
            raise ValueError(
                f'teacher: mean={self.mean!r} and std={self.std!r} are of pixels from '
                '0 to 255; say so with white=255'
            )


class Pixels(nn.Module):
    """The data preprocessor of a model of another library.

    :class:`ckd_mm.teachers.TeacherInputs` reads it. A batch keeps the size that the
    student has given it.

    Args:
        format: Mean, standard deviation and channel order.
        pad_value: What padding has after normalisation; 0 is the mean colour.
    """

    mean: Tensor
    std: Tensor
    pad_size_divisor = None

    def __init__(self, format: PixelFormat, pad_value: float = 0.0) -> None:
        super().__init__()
        scale = 255.0 / format.white
        for name in ('mean', 'std'):
            values = torch.tensor([float(value) for value in getattr(format, name)])
            self.register_buffer(name, values.reshape(3, 1, 1) * scale)
        self.to_rgb = format.order == 'rgb'
        self.pad_value = pad_value
