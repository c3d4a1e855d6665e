"""The table of registered losses, and what the tests that read it share.

A row is in the file of what it compares: logits, embeddings or feature maps; of the
losses that keep something of earlier steps, in one of their own.
"""

from __future__ import annotations

import pytest

from .row import LossRow, Mismatch
from .rows_alone import ALONE_ROWS
from .rows_boxes import BOX_ROWS
from .rows_branches import BRANCH_ROWS
from .rows_connectors import CONNECTOR_ROWS
from .rows_dense import DENSE_ROWS
from .rows_logits import LOGIT_ROWS
from .rows_maps import MAP_ROWS
from .rows_queries import QUERY_ROWS
from .rows_relations import RELATION_ROWS
from .rows_state import STATE_ROWS
from .samples import Change, Sample, gradient

__all__ = [
    'EACH',
    'EACH_SETTING',
    'LOSSES',
    'Change',
    'LossRow',
    'Mismatch',
    'Sample',
    'gradient',
]

LOSSES: tuple[LossRow, ...] = (
    *LOGIT_ROWS,
    *RELATION_ROWS,
    *MAP_ROWS,
    *QUERY_ROWS,
    *CONNECTOR_ROWS,
    *BOX_ROWS,
    *BRANCH_ROWS,
    *DENSE_ROWS,
    *STATE_ROWS,
    *ALONE_ROWS,
)

EACH = pytest.mark.parametrize('row', LOSSES, ids=lambda row: row.class_name)
EACH_SETTING = pytest.mark.parametrize(
    ('row', 'kwargs'),
    [
        pytest.param(row, kwargs, id=f'{row.class_name}-{number}')
        for row in LOSSES
        for number, kwargs in enumerate(row.kwargs_sets)
    ],
)
