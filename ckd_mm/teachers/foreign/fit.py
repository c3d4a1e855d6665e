"""The size at which a model of another library sees the student's batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.checks import is_number

__all__ = ['Fit', 'check_input_size']

LARGEST_RATIO = 8
"""A larger number is taken for pixels: 8 pixels become 64."""


def check_input_size(value: Any) -> None:
    """Check the option `input_size` of a teacher.

    Raises:
        ValueError: It is neither `'student'`, a ratio, nor a height and a width; or
            the ratio is so large that pixels are meant.
    """
    is_size = (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) == 2
        and all(isinstance(side, int) and side > 0 for side in value)
    )
    if value != 'student' and not is_size and not (is_number(value) and value > 0):
        raise ValueError(
            "teacher: input_size must be 'student', a ratio of the student's size such "
            f'as 0.875, or (height, width) in pixels, got {value!r}'
        )
    if is_number(value) and value > LARGEST_RATIO:
        raise ValueError(
            f"teacher: input_size={value!r} is a ratio of the student's size, and must "
            f'be at most {LARGEST_RATIO}; for pixels write '
            f'({round(value)}, {round(value)})'
        )


@dataclass(frozen=True)
class Fit:
    """Brings a padded batch to a size that a model takes, and its maps back.

    Both axes are scaled by one ratio, in one step on the device. What is missing at the
    right and at the bottom is filled with the padding value. So the corner at the top
    left stays where it is, and nothing is stretched.

    Args:
        input_size: `'student'` keeps the size, a number is the ratio, and a height and
            a width are filled by the whole batch as far as its aspect allows.
        divisor: Of what the height and the width must be multiples.
        patch: The size of the model's patches, in pixels of its own images.
        pad_value: What padding has after normalisation.

    Raises:
        ValueError: A fixed size is no multiple of the divisor.
    """

    input_size: str | float | tuple[int, int] = 'student'
    divisor: int = 1
    patch: int = 1
    pad_value: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.input_size, tuple):
            return
        near = tuple(max(1, round(s / self.divisor)) for s in self.input_size)
        if tuple(side * self.divisor for side in near) != self.input_size:
            raise ValueError(
                f'teacher: input_size={self.input_size} must have multiples of '
                f'{self.divisor}, which the patches of the model divide; the nearest '
                f'is {tuple(side * self.divisor for side in near)}'
            )

    def ratio(self, size: Sequence[int]) -> float:
        """By how much a batch of this height and width is scaled."""
        if self.input_size == 'student':
            return 1.0
        if isinstance(self.input_size, tuple):
            return min(to / now for to, now in zip(self.input_size, size, strict=True))
        return float(self.input_size)

    def scaled(self, images: Tensor) -> Tensor:
        """The images (N, 3, H, W), scaled and not yet padded.

        Raises:
            ValueError: They are smaller than a patch.
        """
        ratio = self.ratio(images.shape[2:])
        if ratio != 1:
            # The factor keeps 96 * (32 / 96) from being rounded down to 31.
            images = F.interpolate(
                images,
                scale_factor=ratio * (1 + 1e-9),
                mode='bilinear',
                antialias=True,
                recompute_scale_factor=False,
            )
        height, width = images.shape[2:]
        if min(height, width) < self.patch:
            raise ValueError(
                f'the teacher gets images of {height} x {width} pixels, which are '
                f'smaller than its patches of {self.patch} x {self.patch}; give it '
                'larger ones, such as input_size=2.0 for twice the size of the '
                "student's"
            )
        return images

    def padded(self, images: Tensor) -> Tensor:
        """Scaled images on the canvas that the model gets."""
        height, width = images.shape[2:]
        if isinstance(self.input_size, tuple):
            to_height, to_width = self.input_size
        else:
            to_height, to_width = (
                math.ceil(side / self.divisor) * self.divisor
                for side in (height, width)
            )
        if (to_height, to_width) == (height, width):
            return images
        borders = (0, to_width - width, 0, to_height - height)
        return F.pad(images, borders, value=self.pad_value)

    @staticmethod
    def covered(maps: Tensor, scaled: Tensor, canvas: Tensor) -> Tensor:
        """The cells of maps (N, C, h, w) of the canvas that lie on the scaled images.

        A cell at the right or at the bottom may reach beyond them by less than its own
        size.
        """
        rows, columns = (
            math.ceil(side * cells / whole)
            for side, cells, whole in zip(
                scaled.shape[2:], maps.shape[2:], canvas.shape[2:], strict=True
            )
        )
        return maps[:, :, :rows, :columns]
