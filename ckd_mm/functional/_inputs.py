"""What every function does first: check the pair, then leave mixed precision.

Shape suffixes in this package: B rows on this rank, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = ['check_embeddings', 'check_logits', 'full_precision']


def check_logits(student: Tensor, teacher: Tensor) -> None:
    """Check that both tensors are logits of one shape (B, C).

    Raises:
        ValueError: They are not.
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


def check_embeddings(
    student: Tensor, teacher: Tensor, *, or_maps: bool = False
) -> None:
    """Check that both tensors are embeddings (B, D) of the same rows, of any widths.

    Args:
        or_maps: Whether more dimensions than two are fine, as the loss flattens them.

    Raises:
        ValueError: They are not.
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


@contextmanager
def full_precision(student: Tensor, teacher: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Autocast off; the pair in float32 or wider, the teacher without its graph.

    Upcasting alone is not enough: inside autocast a matrix product of float32 tensors
    is half precision again.
    """
    dtype = torch.promote_types(student.dtype, teacher.dtype)
    dtype = torch.promote_types(dtype, torch.float32)
    with torch.autocast(student.device.type, enabled=False):
        yield student.to(dtype), teacher.detach().to(dtype)
