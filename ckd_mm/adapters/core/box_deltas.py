"""Box deltas of two heads: whether they have any, and in which units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Unavailable

__all__ = ['in_units_of', 'why_no_deltas']


def why_no_deltas(student: Sequence[Any], teacher: Sequence[Any]) -> Unavailable | None:
    """Why box deltas of these heads cannot be compared, if so."""
    for whose, heads in (('student', student), ('teacher', teacher)):
        for head in heads:
            coder = getattr(head, 'bbox_coder', None)
            if not (getattr(head, 'with_reg', True) and hasattr(coder, 'stds')):
                return Unavailable(f'the box head of the {whose} gives no box deltas')
            if whose == 'student' and head.reg_decoded_bbox:
                return Unavailable(
                    'the student is trained on decoded boxes (reg_decoded_bbox), not '
                    'on deltas'
                )
    return None


def in_units_of(student: Any, teacher: Any, deltas: Tensor) -> Tensor:
    """Deltas (K, 4) of the teacher's head in the units of the student's."""
    units = [
        tuple(zip(head.bbox_coder.means, head.bbox_coder.stds, strict=True))
        for head in (student, teacher)
    ]
    if units[0] == units[1]:
        return deltas
    # Numbers of Python, as a tensor of them would be copied to the device in each step.
    columns = [
        (column * teacher_std + teacher_mean - student_mean) / student_std
        for column, (student_mean, student_std), (teacher_mean, teacher_std) in zip(
            deltas.unbind(1), *units, strict=True
        )
    ]
    return torch.stack(columns, dim=1)
