"""Cosines of all pairs of positions of an image.

Shape suffixes beside the package's: P the H W positions.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ckd_mm.functional._padding import Size, mask_inside
from ckd_mm.functional._vectors import inverse_lengths

__all__ = ['squared_gram_distance', 'unit_columns']


def unit_columns(
    maps: Tensor, inside: Sequence[Size] | None, *, constant_lengths: bool = False
) -> Tensor:
    """Maps (N, C, P) whose vectors have length 1, or 0 beyond the image.

    Args:
        maps: Feature maps (N, C, H, W).
        inside: How many rows and columns of each image count; `None` is all.
        constant_lengths: Whether the lengths have no gradient.
    """
    inverse_N1HW = inverse_lengths(maps.detach() if constant_lengths else maps, dim=1)
    if inside is not None:
        inverse_N1HW = inverse_N1HW * mask_inside(inside, maps)
    return (maps * inverse_N1HW).flatten(2)


def squared_gram_distance(student_NCP: Tensor, teacher_NCP: Tensor) -> Tensor:
    """Squared gaps of the products of all pairs of positions, summed over images."""
    student_NPC, teacher_NPC = student_NCP.mT, teacher_NCP.mT
    if student_NCP.shape[2] <= max(student_NCP.shape[1], teacher_NCP.shape[1]):
        gap_NPP = student_NPC @ student_NCP - teacher_NPC @ teacher_NCP
        return gap_NPP.square().sum()
    own, crossed = student_NCP @ student_NPC, student_NCP @ teacher_NPC
    wanted = teacher_NCP @ teacher_NPC
    squares = [matrix.square().sum() for matrix in (own, wanted, crossed)]
    return (squares[0] + squares[1] - 2 * squares[2]).clamp_min(0)
