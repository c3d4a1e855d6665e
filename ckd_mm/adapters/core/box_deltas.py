"""Box deltas of two heads: whether they have any, and in which units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Unavailable

__all__ = ['in_units_of', 'why_no_deltas']


def why_no_deltas(student: Sequence[Any], teacher: Sequence[Any]) -> Unavailable | None:
    """What keeps box deltas of these heads from being compared, if anything."""
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
    own, other = student.bbox_coder, teacher.bbox_coder
    if tuple(own.means) == tuple(other.means) and tuple(own.stds) == tuple(other.stds):
        return deltas
    means, stds = deltas.new_tensor(own.means), deltas.new_tensor(own.stds)
    other_means, other_stds = (
        deltas.new_tensor(values) for values in (other.means, other.stds)
    )
    return (deltas * other_stds + other_means - means) / stds
