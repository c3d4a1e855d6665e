"""The rows of the losses of logits (B, C)."""

from __future__ import annotations

from dataclasses import dataclass

from ckd_mm import functional

from .references import reference_ckd, reference_dist, reference_dkd, reference_kd
from .row import BAD_TEMPERATURES, LossRow, Mismatch
from .samples import (
    PERMUTATIONS,
    SHIFTS,
    rotate,
    scale_student_rows,
    scale_teacher_rows,
)

__all__ = ['LOGIT_ROWS']


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


BAD_SWITCHES = tuple({'standardize': value} for value in (1, None, 'True'))

LOGIT_ROWS = (
    LogitRow(
        class_name='CKDLoss',
        function=functional.ckd_loss,
        reference=reference_ckd,
        defaults={'temperature': 1.0, 'anchor': 'teacher'},
        kwargs_sets=(
            {'temperature': 1.0},
            {'temperature': 0.1},
            {'temperature': 0.5, 'anchor': 'student'},
            {'temperature': 2.0, 'anchor': 'both'},
        ),
        invariances={
            **PERMUTATIONS,
            'positive scale of each student row': scale_student_rows,
            'positive scale of each teacher row': scale_teacher_rows,
            'joint rotation': rotate,
        },
        refused=(*BAD_TEMPERATURES, {'anchor': 'Teacher'}, {'anchor': None}),
        golden=('ckd',),
    ),
    LogitRow(
        class_name='KDLoss',
        function=functional.kd_loss,
        reference=reference_kd,
        defaults={'temperature': 4.0, 'standardize': False},
        kwargs_sets=(
            {'temperature': 4.0},
            {'temperature': 1.0},
            {'temperature': 2.0, 'standardize': True},
        ),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(*BAD_TEMPERATURES, *BAD_SWITCHES),
        golden=('kd', 'lskd'),
    ),
    LogitRow(
        class_name='DKDLoss',
        function=functional.dkd_loss,
        reference=reference_dkd,
        defaults={'alpha': 1.0, 'beta': 8.0, 'temperature': 4.0, 'standardize': False},
        kwargs_sets=(
            {'alpha': 1.0, 'beta': 8.0, 'temperature': 4.0},
            {'alpha': 1.0, 'beta': 0.25, 'temperature': 1.0},
            {'alpha': 0.0, 'beta': 2.0, 'temperature': 2.0},
            {'alpha': 1.0, 'beta': 8.0, 'temperature': 2.0, 'standardize': True},
        ),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(
            *BAD_TEMPERATURES,
            *BAD_SWITCHES,
            {'alpha': -1.0},
            {'beta': float('nan')},
        ),
        golden=('dkd',),
        needs_target=True,
    ),
    LogitRow(
        class_name='DISTLoss',
        function=functional.dist_loss,
        reference=reference_dist,
        defaults={'beta': 2.0, 'gamma': 2.0, 'temperature': 1.0},
        kwargs_sets=(
            {'beta': 2.0, 'gamma': 2.0, 'temperature': 1.0},
            {'beta': 1.0, 'gamma': 3.0, 'temperature': 4.0},
            {'beta': 0.0, 'gamma': 1.0, 'temperature': 1.0},
        ),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(*BAD_TEMPERATURES, {'beta': float('inf')}, {'gamma': -0.5}),
        golden=('dist',),
    ),
)
