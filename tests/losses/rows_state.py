"""The rows of the losses that keep something of earlier steps.

Their function is that of a new module, so that every call is a first step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from ckd_mm.losses._indices import IndexCheck

from .connector_row import PERMUTATION, ConnectorRow
from .modules import ModuleFunction
from .references_mcl import reference_mcl
from .references_state import (
    reference_crd,
    reference_dho,
    reference_linearkd,
    reference_makd,
    reference_nd,
)
from .row import BAD_TEMPERATURES, bad_numbers
from .rows_relations import MAPS, NO_ROWS, ROWS_DIFFER
from .samples import SHIFTS

__all__ = ['STATE_ROWS']

WIDTHS = dict(student_channels=4, teacher_channels=6)
CONSTANT = 'constant added to each teacher row'
ANSWERS = [[0.9, 0.1, 0.5], [0.2, 1.0, 0.4], [0.0, 0.3, 0.6], [0.7, 0.8, 0.1]] * 2
BAD_TABLES: tuple[Any, ...] = (
    *([], [[]], [0.5], [[0.5, 1.2]], [['a']], None, 'nowhere.npy'),
    [[0.5], [0.5, 0.5]],
)
NO_INTEGERS = (0, -1, 2.0, '4', None, True)


def first_step(module: Any, student: Tensor, *others: Any) -> Tensor:
    if isinstance(student, FakeTensor):  # on the CPU, checks of values may wait
        with mock.patch.object(IndexCheck, '__call__'):
            return module(student, *others)
    return module(student, *others)


def bad_integers(*names: str) -> tuple[dict[str, Any], ...]:
    return tuple({name: value} for name in names for value in NO_INTEGERS)


def state_row(
    class_name: str, loop: Callable[..., Tensor], arguments: dict[str, Any], **rest: Any
) -> ConnectorRow:
    return ConnectorRow(
        class_name=class_name,
        function=ModuleFunction(class_name, arguments, first_step),
        reference=ModuleFunction(class_name, arguments, loop),
        arguments=arguments,
        rest=(4,),
        teacher_rest=(6,),
        mismatches=(ROWS_DIFFER, NO_ROWS, MAPS),
        **{'golden': (), **rest},
    )


STATE_ROWS = (
    state_row(
        'CRDLoss',
        reference_crd,
        dict(num_samples=7, embedding_channels=3, num_negatives=6, **WIDTHS),
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
        is_derivative=False,  # of the mean in the first batch
        needs=('sample_index', 'target'),
    ),
    state_row(
        'NDLoss',
        reference_nd,
        dict(num_classes=4, **WIDTHS),
        defaults={'class_means': None},
        kwargs_sets=({}, {'num_classes': 6}),
        invariances=PERMUTATION,
        refused=bad_integers('num_classes', 'teacher_channels'),
        needs=('target',),
    ),
    state_row(
        'MaKDLoss',
        reference_makd,
        dict(student_channels=4, table=ANSWERS),
        defaults={'by': 'image'},
        kwargs_sets=({}, {'by': 'class'}),
        invariances={},  # the rows of the table belong to the places in the batch
        refused=(
            *({'table': bad} for bad in BAD_TABLES),
            *({'by': bad} for bad in ('sample', None)),
            *bad_integers('student_channels'),
        ),
        needs=('target', 'sample_index'),
        golden=('makd',),
    ),
    state_row(
        'MCLLoss',
        reference_mcl,
        dict(embedding_channels=3, **WIDTHS),
        defaults={
            'temperature': 0.1,
            'soft_temperature': 3.0,
            'vcl_weight': 0.1,
            'icl_weight': 0.1,
            'soft_vcl_weight': 1.0,
            'soft_icl_weight': 1.0,
            'same_image_positive': False,
            'diagonal_in_soft': False,
            'hidden_channels': None,
        },
        kwargs_sets=(
            {},
            {'temperature': 0.5, 'soft_temperature': 1.0, 'diagonal_in_soft': True},
            {'same_image_positive': True, 'hidden_channels': 5},
            {'vcl_weight': 1.0, 'soft_vcl_weight': 0.0, 'soft_icl_weight': 0.0},
        ),
        invariances=PERMUTATION,
        refused=(
            *BAD_TEMPERATURES,
            *bad_numbers('soft_temperature', 0),
            *bad_numbers('vcl_weight'),
            *bad_numbers('icl_weight'),
            *bad_numbers('soft_vcl_weight'),
            *bad_numbers('soft_icl_weight'),
            *({'same_image_positive': bad} for bad in (1, 'False', None)),
            *({'diagonal_in_soft': bad} for bad in (1, 'False', None)),
            *({'hidden_channels': bad} for bad in NO_INTEGERS if bad is not None),
            *bad_integers('student_channels', 'teacher_channels', 'embedding_channels'),
        ),
        is_derivative=False,  # the targets of the soft parts are constants
        needs=('target',),
        teacher_learns=True,
    ),
    state_row(
        'DHOLoss',
        reference_dho,
        WIDTHS,
        defaults={
            'temperature': 2.0,
            'mixture': 0.5,
            'mixture_temperature': 0.5,
            'scale': None,
        },
        kwargs_sets=(
            {},
            {'temperature': 5.0, 'mixture': 0.0, 'mixture_temperature': 2.0},
            {'scale': 3.0, 'mixture': 1},
        ),
        invariances={**PERMUTATION, CONSTANT: SHIFTS[CONSTANT]},
        refused=(
            *BAD_TEMPERATURES,
            *bad_integers('student_channels', 'teacher_channels'),
            *bad_numbers('mixture', 1.01),
            *bad_numbers('mixture_temperature', 0),
            *({'scale': bad} for bad in (0, -1.0, '100', True)),
        ),
    ),
    state_row(
        'LinearKDLoss',
        reference_linearkd,
        WIDTHS,
        defaults={'temperature': 2.0},
        kwargs_sets=({}, {'temperature': 5.0}),
        invariances={
            **PERMUTATION,
            CONSTANT: SHIFTS[CONSTANT],
        },
        refused=(
            *BAD_TEMPERATURES,
            *bad_integers('student_channels', 'teacher_channels'),
        ),
    ),
)
