"""The rows of the losses of relations between embeddings (B, D)."""

from __future__ import annotations

from dataclasses import dataclass

from ckd_mm import functional

from .references_relations import (
    reference_cc,
    reference_irg,
    reference_pkt,
    reference_rkd,
    reference_sp,
)
from .row import LossRow, Mismatch, bad_numbers
from .samples import (
    PERMUTATIONS,
    Change,
    rotate_student,
    scale_student,
    scale_student_rows,
    scale_teacher_rows,
    translate_student,
)

__all__ = ['RELATION_ROWS']


def mismatch(
    student: tuple[int, ...], teacher: tuple[int, ...], advice: str
) -> Mismatch:
    message = (
        'student and teacher embeddings must be (B, D) with the same B, '
        f'got {student} and {teacher}; {advice}'
    )
    return Mismatch(student, teacher, message)


ROWS_DIFFER = mismatch(
    (4, 6), (5, 6), 'check that both models saw the same images or RoIs'
)
NO_ROWS = mismatch((4,), (4,), 'flatten each to one row per sample')
MAPS = mismatch((2, 3, 4, 4), (2, 3, 4, 4), 'flatten each to one row per sample')


@dataclass(frozen=True)
class RelationRow(LossRow):
    """A row whose samples are embeddings."""

    rest: tuple[int, ...] = (5,)
    mismatches: tuple[Mismatch, ...] = (ROWS_DIFFER, NO_ROWS, MAPS)
    golden: tuple[str, ...] = ()


ROTATIONS: dict[str, Change] = {
    **PERMUTATIONS,
    'rotation of the student': rotate_student,
}
SCALES: dict[str, Change] = {
    'positive scale of each student row': scale_student_rows,
    'positive scale of each teacher row': scale_teacher_rows,
}

RELATION_ROWS = (
    RelationRow(
        class_name='RKDLoss',
        function=functional.rkd_loss,
        reference=reference_rkd,
        defaults={'distance_weight': 25.0, 'angle_weight': 50.0},
        kwargs_sets=(
            {'distance_weight': 25.0, 'angle_weight': 50.0},
            {'distance_weight': 1.0, 'angle_weight': 0.0},
            {'distance_weight': 0.0, 'angle_weight': 2.0},
        ),
        invariances={
            **ROTATIONS,
            'positive scale of the student': scale_student,
            'translation of the student': translate_student,
        },
        refused=(*bad_numbers('distance_weight'), *bad_numbers('angle_weight')),
        golden=('rkd',),
    ),
    RelationRow(
        class_name='IRGLoss',
        function=functional.irg_loss,
        reference=reference_irg,
        defaults={'edge_weight': 5.0, 'transformation_weight': 5.0},
        kwargs_sets=({'edge_weight': 2.0},),
        invariances={
            **ROTATIONS,
            'positive scale of the student': scale_student,
            'translation of the student': translate_student,
        },
        refused=(*bad_numbers('edge_weight'), *bad_numbers('transformation_weight')),
        mismatches=(ROWS_DIFFER, NO_ROWS),
    ),
    RelationRow(
        class_name='SPLoss',
        function=functional.sp_loss,
        reference=reference_sp,
        defaults={},
        kwargs_sets=({},),
        invariances={**ROTATIONS, 'positive scale of the student': scale_student},
        refused=(),
        mismatches=(ROWS_DIFFER, NO_ROWS),
        golden=('sp',),
    ),
    RelationRow(
        class_name='PKTLoss',
        function=functional.pkt_loss,
        reference=reference_pkt,
        defaults={},
        kwargs_sets=({},),
        invariances=ROTATIONS,
        refused=(),
        golden=('pkt',),
    ),
    RelationRow(
        class_name='CCLoss',
        function=functional.cc_loss,
        reference=reference_cc,
        golden=('cc',),
        defaults={'gamma': 0.4},
        kwargs_sets=({'gamma': 0.4}, {'gamma': 2.0}),
        invariances={**ROTATIONS, **SCALES},
        refused=bad_numbers('gamma', 0),
    ),
)
