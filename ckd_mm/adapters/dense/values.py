"""What is compared at chosen anchors or points, beside class logits.

Shape suffixes: K rows.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.adapters.core.box_deltas import in_units_of
from ckd_mm.adapters.dense.head import DenseHead
from ckd_mm.adapters.dense.priors import rows_of

__all__ = ['dense_objectness_rows', 'delta_rows', 'edge_rows', 'objectness_rows']


def objectness_rows(head: DenseHead, values: list[Any], rows: Tensor | None) -> Tensor:
    """Object and background (K, 2) of an RPN; one logit z is the row (z, 0)."""
    logits = head.class_rows(values, rows)
    return logits if head.softmax else F.pad(logits, (0, 1))


def dense_objectness_rows(
    head: DenseHead, values: list[Any], rows: Tensor | None
) -> Tensor:
    """The same of a head that has objectness beside its classes."""
    return F.pad(head.objectness_rows(values, rows), (0, 1))


def delta_rows(
    head: DenseHead, values: list[Any], rows: Tensor | None, student: DenseHead
) -> Tensor:
    """Box deltas (K, 4) in the units of the student's head."""
    deltas = rows_of(values[0][1], 4, rows)
    return in_units_of(student.module, head.module, deltas)


def edge_rows(head: DenseHead, values: list[Any], rows: Tensor | None) -> Tensor:
    """Logits of the distances to a box's four edges (4 * K, reg_max + 1)."""
    bins = head.module.reg_max + 1
    return rows_of(values[0][1], 4 * bins, rows).reshape(-1, bins)
