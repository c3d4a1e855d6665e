"""A row of the battery whose samples are logits (B, C)."""

from __future__ import annotations

from dataclasses import dataclass

from .row import LossRow, Mismatch

__all__ = ['LogitRow']


def mismatch(
    student: tuple[int, ...], teacher: tuple[int, ...], advice: str
) -> Mismatch:
    message = (
        'student and teacher logits must have one shape (B, C), '
        f'got {student} and {teacher}; {advice}'
    )
    return Mismatch(student, teacher, message)


@dataclass(frozen=True)
class LogitRow(LossRow):
    """A row whose samples are logits."""

    rest: tuple[int, ...] = (5,)
    mismatches: tuple[Mismatch, ...] = (
        mismatch((4, 6), (4, 7), 'check that both heads have the same num_classes'),
        mismatch((4, 6), (5, 6), 'check that both models saw the same images or RoIs'),
        mismatch((4, 6), (4, 6, 1), 'flatten each to one row per sample'),
        mismatch((2, 3, 4, 4), (2, 3, 4, 4), 'flatten each to one row per sample'),
    )
    golden: tuple[str, ...] = ()
    has_statistics: bool = True
