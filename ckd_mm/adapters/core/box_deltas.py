"""Box deltas of two heads: whether they have any, and in which units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
        (tuple(head.bbox_coder.means), tuple(head.bbox_coder.stds))
        for head in (student, teacher)
    ]
    if units[0] == units[1]:
        return deltas
    (student_means, student_stds), (teacher_means, teacher_stds) = (
        (deltas.new_tensor(means), deltas.new_tensor(stds)) for means, stds in units
    )
    return (deltas * teacher_stds + teacher_means - student_means) / student_stds
