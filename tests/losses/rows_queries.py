"""The rows of the losses of feature maps that ask for the teacher's queries."""

from __future__ import annotations

from ckd_mm import functional

from .references_detrdistill import reference_detrdistill
from .row import PADDING_AND_SIZE
from .rows_maps import MapRow
from .samples import PERMUTATIONS

__all__ = ['QUERY_ROWS']

QUERY_ROWS = (
    MapRow(
        class_name='DETRDistillLoss',
        function=functional.detrdistill_loss,
        reference=reference_detrdistill,
        defaults={},
        kwargs_sets=({},),
        invariances=PERMUTATIONS,
        refused=tuple(one for one in PADDING_AND_SIZE if 'ignore_padding' in one),
        golden=('detrdistill',),
        needs=('queries', 'quality', 'image_shapes', 'image_size'),
    ),
)
