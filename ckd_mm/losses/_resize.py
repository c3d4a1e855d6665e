"""Bring maps of different sizes to the size that the config says."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from torch import Tensor

from ckd_mm.functional._inputs import full_precision
from ckd_mm.functional._sizes import resized

__all__ = ['Resize', 'checked_resize', 'of_one_size']

Resize: TypeAlias = Literal['student', 'teacher'] | tuple[int, int] | None
"""At which size maps are compared.

* `'student'`, `'teacher'`: at the size of that model's map.
* `(height, width)`: at that size.
* `None`: sizes must agree.

Axes that get shorter are averaged, others are interpolated.
"""


def checked_resize(value: Any) -> Resize:
    """Return `value` if it is one of :data:`Resize`, a list as a tuple.

    Raises:
        ValueError: It is not.
    """
    if value is None:
        return None
    if isinstance(value, str) and value in ('student', 'teacher'):
        return 'student' if value == 'student' else 'teacher'
    is_pair = isinstance(value, (list, tuple)) and len(value) == 2
    if is_pair and all(type(side) is int and side >= 1 for side in value):
        return value[0], value[1]
    raise ValueError(
        "resize must be 'student', 'teacher', None or a height and a width >= 1, got "
        f'{value!r}'
    )


def of_one_size(
    student: Tensor, teacher: Tensor, resize: Resize
) -> tuple[Tensor, Tensor]:
    """Both maps (N, C, H, W) at one size, in float32 or wider where they change.

    Raises:
        ValueError: The sizes differ, and `resize` is `None`.
    """
    sizes = [(maps.shape[2], maps.shape[3]) for maps in (student, teacher)]
    if resize is None and sizes[0] != sizes[1]:
        raise ValueError(
            'student and teacher feature maps must be of one size where resize is '
            f"None, got {sizes[0]} and {sizes[1]}; set resize='student', 'teacher' or "
            '(height, width) in the loss of the term, or choose layers of the same '
            'stride'
        )
    size = resize if isinstance(resize, tuple) else sizes[resize == 'teacher']
    if sizes == [size, size]:
        return student, teacher
    with full_precision(student, teacher) as pair:
        return resized(pair[0], size), resized(pair[1], size)
