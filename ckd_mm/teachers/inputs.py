"""The inputs of a teacher: the student's batch, as the teacher was trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ['TeacherInputs']


class TeacherInputs(nn.Module):
    """Turns the student's preprocessed batch into the teacher's.

    Mean, standard deviation and channel order of both preprocessors are folded into one
    multiplication and one addition per channel. Padding is filled with the teacher's
    padding value again, up to a multiple of the teacher's size divisor. Where both
    preprocessors agree, the teacher gets the student's tensor. The teacher also gets
    what the student's preprocessor does to whole batches while training (mixup, cutmix,
    random sizes), so a batch that it resized or padded is never cut.

    Args:
        student: The student's data preprocessor.
        teacher: The teacher's. A size divisor of `None` is the student's.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, student: nn.Module, teacher: nn.Module) -> None:
        super().__init__()
        self.flips = _flips(student) != _flips(teacher)
        student_mean, student_std = _statistics(student)
        teacher_mean, teacher_std = _statistics(teacher)
        if self.flips:
            student_mean, student_std = student_mean.flip(0), student_std.flip(0)
        self.register_buffer('scale', student_std / teacher_std)
        self.register_buffer('shift', (student_mean - teacher_mean) / teacher_std)
        self.pad_value = float(getattr(teacher, 'pad_value', 0))
        self.divisor = _divisor(teacher) or _divisor(student) or 1
        self.cuts = not getattr(student, 'batch_augments', None)
        self.is_identity = (
            not self.flips
            and torch.equal(student_mean, teacher_mean)
            and torch.equal(student_std, teacher_std)
            and self.pad_value == float(getattr(student, 'pad_value', 0))
            and self.divisor == _divisor(student)
        )

    def forward(self, inputs: Tensor, data_samples: Sequence[Any]) -> Tensor:
        """The teacher's batch (N, 3, H', W') from the student's (N, 3, H, W).

        H' and W' differ from H and W only where the size divisors do. The size of each
        image without its padding is read from `img_shape` of its data sample.
        """
        if self.is_identity:
            return inputs
        inputs = inputs.flip(1) if self.flips else inputs
        inputs = torch.addcmul(self.shift, inputs, self.scale)
        sizes = [
            tuple(sample.get('img_shape', ())[:2]) for sample in data_samples or ()
        ]
        if not sizes or not all(sizes):
            return inputs
        needed = sizes if self.cuts else [tuple(inputs.shape[2:])]
        height, width = (self._rounded(max(side)) for side in zip(*needed, strict=True))
        right, bottom = width - inputs.shape[3], height - inputs.shape[2]
        inputs = F.pad(inputs, (0, right, 0, bottom))
        for image, (image_height, image_width) in zip(inputs, sizes, strict=True):
            image[:, image_height:] = self.pad_value
            image[:, :, image_width:] = self.pad_value
        return inputs

    def _rounded(self, side: int) -> int:
        return math.ceil(side / self.divisor) * self.divisor


def _statistics(preprocessor: nn.Module) -> tuple[Tensor, Tensor]:
    mean = getattr(preprocessor, 'mean', None)
    std = getattr(preprocessor, 'std', None)
    if mean is None or std is None:
        return torch.zeros(1, 1, 1), torch.ones(1, 1, 1)
    return mean.float().cpu(), std.float().cpu()


def _divisor(preprocessor: nn.Module) -> int | None:
    return getattr(preprocessor, 'pad_size_divisor', 1)


def _flips(preprocessor: nn.Module) -> bool:
    flags = ('_channel_conversion', 'to_rgb')
    return any(getattr(preprocessor, flag, False) for flag in flags)
