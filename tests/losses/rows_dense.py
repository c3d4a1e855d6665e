"""The rows of the losses of all places of a dense head."""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm import functional

from .logit_row import LogitRow
from .references_dense import (
    reference_boxioukd,
    reference_distributionkd,
    reference_qualityfocalkd,
)
from .row import BAD_TEMPERATURES, LossRow, Mismatch, bad_numbers
from .samples import PERMUTATIONS, SHIFTS, Sample

__all__ = ['DENSE_ROWS']


def mismatch(student: tuple[int, ...], teacher: tuple[int, ...]) -> Mismatch:
    message = (
        'boxes of student and teacher must have one shape (K, 4), and scores (K,), '
        f"got {student}, {teacher} and {student[:1]}; compare on='cross_boxes' or "
        "on='shared_query_boxes'"
    )
    return Mismatch(student, teacher, message)


class BoxRow(LossRow):
    """A row whose samples are boxes that overlap."""

    def draw(self, rows: int, *, seed: int = 0, scale: float = 2.0) -> Sample:
        return super().draw(rows, seed=seed, scale=scale).map_both(around_zero)


def around_zero(values: Tensor) -> Tensor:
    """Distances from 0 to the edges, as boxes."""
    signs = torch.tensor([-1.0, -1, 1, 1], dtype=values.dtype)
    boxes = values.detach().abs() * signs[: values.shape[-1]]
    return boxes.requires_grad_(values.requires_grad)


DENSE_ROWS = (
    LogitRow(
        class_name='QualityFocalKDLoss',
        function=functional.qualityfocalkd_loss,
        reference=reference_qualityfocalkd,
        defaults={'beta': 1.0},
        kwargs_sets=({}, {'beta': 2.0}),
        invariances=PERMUTATIONS,
        refused=bad_numbers('beta', 0.5),
        needs=('assigned',),
        has_statistics=False,
    ),
    LogitRow(
        class_name='DistributionKDLoss',
        function=functional.distributionkd_loss,
        reference=reference_distributionkd,
        defaults={'temperature': 1.0},
        kwargs_sets=({}, {'temperature': 3.0}),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=BAD_TEMPERATURES,
        needs=('scores',),
    ),
    BoxRow(
        class_name='BoxIoUKDLoss',
        function=functional.boxioukd_loss,
        reference=reference_boxioukd,
        defaults={'mode': 'giou', 'l1_weight': 0.0},
        kwargs_sets=({}, {'mode': 'iou'}, {'l1_weight': 2.5}),
        invariances={
            'joint permutation of rows': PERMUTATIONS['joint permutation of rows']
        },
        refused=(
            *({'mode': value} for value in ('diou', None, 1)),
            *bad_numbers('l1_weight'),
        ),
        rest=(4,),
        mismatches=(
            mismatch((4, 4), (5, 4)),
            mismatch((4, 5), (4, 5)),
            mismatch((4,), (4,)),
        ),
        golden=(),
        needs=('scores',),
    ),
)
