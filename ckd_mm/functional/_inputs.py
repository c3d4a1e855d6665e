"""What every function does first: check the pair, then turn autocast off.

Shape suffixes in this package: B rows on this rank, C classes; of feature maps N images
on this rank, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = ['check_embeddings', 'check_logits', 'check_maps', 'full_precision']

_SAME_STRIDE = 'choose layers of the same stride'


def check_logits(student: Tensor, teacher: Tensor) -> None:
    """Check that both tensors are logits of one shape (B, C).

    Raises:
        ValueError: The shapes do not fit.
    """
    if student.ndim == 2 and student.shape == teacher.shape:
        return
    if student.ndim != 2 or teacher.ndim != 2:
        advice = 'flatten each to one row per sample'
    elif student.shape[0] != teacher.shape[0]:
        advice = 'check that both models saw the same images or RoIs'
    else:
        advice = 'check that both heads have the same num_classes'
    raise ValueError(
        'student and teacher logits must have one shape (B, C), '
        f'got {tuple(student.shape)} and {tuple(teacher.shape)}; {advice}'
    )


def check_weighed(student: Tensor, teacher: Tensor | None = None) -> None:
    """Check that rows are weighed by what the student says of them, logits (B, C).

    Args:
        student: What is looked at.
        teacher: Its logits, where they are at hand: those of the student have as many
            columns, and an embedding seldom has.

    Raises:
        ValueError: They are something else.
    """
    is_other = teacher is not None and student.shape != teacher.shape
    if student.ndim != 2 or is_other:
        beside = (
            f' beside {tuple(teacher.shape)} of the teacher'
            if teacher is not None
            else ''
        )
        raise ValueError(
            'these weights are made of class logits (B, C) of the student, got '
            f'{tuple(student.shape)}{beside}; compare its logits, or take a weigher '
            'that does not look at them, such as ConfidenceGate, CorrectnessGate or '
            'ClassWeight'
        )


def check_embeddings(
    student: Tensor, teacher: Tensor, *, or_maps: bool = False
) -> None:
    """Check that both tensors are embeddings (B, D) of the same rows, of any widths.

    Args:
        or_maps: Whether more than two dimensions are allowed, because the loss flattens
            them.

    Raises:
        ValueError: The shapes do not fit.
    """
    dimensions = (student.ndim, teacher.ndim)
    fits = min(dimensions) >= 2 if or_maps else dimensions == (2, 2)
    if fits and len(student) == len(teacher):
        return
    if fits:
        advice = 'check that both models saw the same images or RoIs'
    else:
        advice = 'flatten each to one row per sample'
    raise ValueError(
        'student and teacher embeddings must be (B, D) with the same B, '
        f'got {tuple(student.shape)} and {tuple(teacher.shape)}; {advice}'
    )


def check_maps(
    student: Tensor,
    teacher: Tensor,
    *,
    any_channels: bool = False,
    any_size: bool = False,
) -> None:
    """Check that both tensors are feature maps (N, C, H, W) that can be compared.

    Args:
        any_channels: Whether the numbers of channels may differ.
        any_size: Whether the heights and widths may differ.

    Raises:
        ValueError: The shapes do not fit.
    """
    must_agree = {
        'N': 'check that both models saw the same images',
        **({} if any_channels else {'C': 'choose layers of the same width'}),
        **({} if any_size else {'H': _SAME_STRIDE, 'W': _SAME_STRIDE}),
    }
    if student.ndim != 4 or teacher.ndim != 4:
        advice = 'choose layers whose outputs are feature maps'
    else:
        sizes = zip('NCHW', student.shape, teacher.shape, strict=True)
        different = [
            name
            for name, student_size, teacher_size in sizes
            if student_size != teacher_size and name in must_agree
        ]
        if not different:
            return
        advice = must_agree[different[0]]
    raise ValueError(
        'student and teacher feature maps must be (N, C, H, W) with the same '
        f'{", ".join(must_agree)}, '
        f'got {tuple(student.shape)} and {tuple(teacher.shape)}; {advice}'
    )


@contextmanager
def full_precision(student: Tensor, teacher: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Turn autocast off and yield the pair in float32 or wider, the teacher detached.

    Upcasting alone is not enough: inside autocast a matrix product of float32 tensors
    is computed in half precision.
    """
    dtype = torch.promote_types(student.dtype, teacher.dtype)
    dtype = torch.promote_types(dtype, torch.float32)
    with torch.autocast(student.device.type, enabled=False):
        yield student.to(dtype), teacher.detach().to(dtype)
