"""Means and covariances of the channels of feature maps, without a copy of the maps.

What depends on maps of P positions through these alone costs memory for C x C numbers
an image. The backward pass makes one tensor of the size of the student's maps, which is
their gradient.

Shape suffixes beside the package's: P the H W positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ckd_mm.functional._upcast import wide_dtype

__all__ = ['Moments', 'image_blocks', 'mean_and_covariance', 'moments']

_MOST_NUMBERS = 2**24
"""The largest number of map entries that is upcast at once: 64 MiB in float32."""


class Moments(NamedTuple):
    """Of each image, in float32 or wider."""

    mean: Tensor
    """The mean of each of the student's channels (N, C)."""

    covariance: Tensor
    """Of all pairs of the student's channels (N, C, C)."""

    crossed: Tensor
    """Covariance of the student's channels with the teacher's (N, C, C')."""

    teacher_variance: Tensor
    """The variance of each of the teacher's channels (N, C'), without a gradient."""


def moments(student: Tensor, teacher: Tensor) -> Moments:
    """The moments over the positions of each image.

    Args:
        student: Feature maps (N, C, H, W); gets the gradient.
        teacher: Feature maps (N, C', H, W), without a gradient.
    """
    return Moments(*_Moments.apply(student, teacher.detach()))


def mean_and_covariance(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Of the channels of each image (N, C) and (N, C, C); both have a gradient."""
    found = moments(maps, maps[:, :0])  # a teacher without channels
    return found.mean, found.covariance


def image_blocks(maps: Tensor) -> Iterator[slice]:
    """Images whose maps together have at most 2^24 entries, or one image of more.

    An empty batch is one block.
    """
    size = max(_MOST_NUMBERS // max(maps[:1].numel(), 1), 1)
    for first in range(0, max(len(maps), 1), size):
        yield slice(first, first + size)


class _Moments(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, student: Tensor, teacher: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(student, teacher)
        found = [
            _of_images(*_columns(student[block], teacher[block]))
            for block in image_blocks(student)
        ]
        whole = [
            parts[0] if len(parts) == 1 else torch.cat(parts)
            for parts in zip(*found, strict=True)
        ]
        ctx.mark_non_differentiable(whole[3])
        return tuple(whole)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        student, teacher = ctx.saved_tensors
        gradient = torch.empty_like(student)
        for block in image_blocks(student):
            both = student[block], teacher[block]
            of_moments = (whole[block] for whole in gradients[:3])
            gradient[block] = _gradient(*both, *of_moments)
        return gradient, None


def _columns(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Both maps as (N, C, P) in a wide type."""
    dtype = wide_dtype(student, teacher)
    return student.to(dtype).flatten(2), teacher.to(dtype).flatten(2)


def _of_images(student_NCP: Tensor, teacher_NCP: Tensor) -> Moments:
    mean_NC1 = student_NCP.mean(dim=2, keepdim=True)
    centred_NCP = student_NCP - mean_NC1
    positions = student_NCP.shape[2]
    with torch.autocast(student_NCP.device.type, enabled=False):
        return Moments(
            mean_NC1.squeeze(2),
            (centred_NCP @ centred_NCP.mT).div_(positions),
            (centred_NCP @ teacher_NCP.mT).div_(positions),
            teacher_NCP.var(dim=2, correction=0),
        )


def _gradient(
    student: Tensor,
    teacher: Tensor,
    of_mean_NC: Tensor,
    of_covariance_NCC: Tensor,
    of_crossed_NCC: Tensor,
) -> Tensor:
    """Of the student's maps, from the gradients of their moments."""
    student_NCP, teacher_NCP = _columns(student, teacher)
    positions = student_NCP.shape[2]
    by_student_NCC = of_covariance_NCC + of_covariance_NCC.mT
    with torch.autocast(student_NCP.device.type, enabled=False):
        constant_NC1 = of_mean_NC[:, :, None]
        for by_NCC, maps_NCP in (
            (by_student_NCC, student_NCP),
            (of_crossed_NCC, teacher_NCP),
        ):
            mean_NC1 = maps_NCP.mean(dim=2, keepdim=True)
            constant_NC1 = torch.baddbmm(constant_NC1, by_NCC, mean_NC1, alpha=-1)
        gradient_NCP = torch.baddbmm(constant_NC1, by_student_NCC, student_NCP)
        gradient_NCP = gradient_NCP.baddbmm_(of_crossed_NCC, teacher_NCP)
    return gradient_NCP.div_(positions).reshape(student.shape)
