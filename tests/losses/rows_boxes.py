"""The rows of the losses of boxes (P, 4)."""

from __future__ import annotations

from ckd_mm import functional

from .references_boxes import reference_box_regression
from .row import LossRow, Mismatch, bad_numbers
from .samples import PERMUTATIONS

__all__ = ['BOX_ROWS']


def mismatch(student: tuple[int, ...], teacher: tuple[int, ...]) -> Mismatch:
    message = (
        'box deltas of student, teacher and truth must have one shape (P, 4), '
        f"got {student}, {teacher} and {student}; compare on='roi_boxes'"
    )
    return Mismatch(student, teacher, message)


BOX_ROWS = (
    LossRow(
        class_name='BoxRegressionLoss',
        function=functional.box_regression_loss,
        reference=reference_box_regression,
        defaults={'beta': 1.0},
        kwargs_sets=({}, {'beta': 0.3}),
        invariances=PERMUTATIONS,
        refused=bad_numbers('beta', 0),
        rest=(4,),
        mismatches=(
            mismatch((4, 4), (5, 4)),
            mismatch((4, 5), (4, 5)),
            mismatch((4,), (4,)),
        ),
        golden=(),
        needs=('box_target',),
    ),
)
