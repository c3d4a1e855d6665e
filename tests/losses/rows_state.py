"""The rows of the losses that keep something of earlier steps.

Their function is a new module, so that every call is a first step.
"""

from __future__ import annotations

from typing import Any
from unittest import mock

from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from ckd_mm.losses._indices import IndexCheck

from .references_state import reference_crd
from .row import LossRow, bad_numbers, build_seeded
from .rows_relations import RelationRow

__all__ = ['STATE_ROWS']

NO_INTEGERS = (0, -1, 2.0, '4', None, True)
CRD_ARGUMENTS = dict(
    num_samples=7,
    student_channels=5,
    teacher_channels=5,
    embedding_channels=3,
    num_negatives=6,
)


def first_step(class_name: str, *inputs: Any, **config: Any) -> Tensor:
    module = build_seeded(class_name, **config)
    if isinstance(inputs[0], FakeTensor):  # on the CPU, checks of values may wait
        with mock.patch.object(IndexCheck, '__call__'):
            return module(*inputs)
    return module(*inputs)


def crd_function(*inputs: Any, **kwargs: Any) -> Tensor:
    return first_step('CRDLoss', *inputs, **{**CRD_ARGUMENTS, **kwargs})


def crd_reference(*inputs: Any, **kwargs: Any) -> Tensor:
    return reference_crd(*inputs, **{**CRD_ARGUMENTS, **kwargs})


def bad_integers(*names: str) -> tuple[dict[str, Any], ...]:
    return tuple({name: value} for name in names for value in NO_INTEGERS)


STATE_ROWS: tuple[LossRow, ...] = (
    RelationRow(
        class_name='CRDLoss',
        function=crd_function,
        reference=crd_reference,
        defaults={'temperature': 0.07, 'momentum': 0.5},
        kwargs_sets=(
            {},
            {'temperature': 0.5, 'num_negatives': 2},
            {'temperature': 0.1, 'momentum': 0.0, 'embedding_channels': 6},
        ),
        invariances={},
        refused=(
            *bad_numbers('temperature', 0),
            *bad_numbers('momentum', 1.5),
            *bad_integers(
                'num_samples',
                'student_channels',
                'teacher_channels',
                'embedding_channels',
                'num_negatives',
            ),
        ),
        needs=('sample_index', 'target'),
        arguments=CRD_ARGUMENTS,
        is_derivative=False,  # of the mean in the first batch
    ),
)
