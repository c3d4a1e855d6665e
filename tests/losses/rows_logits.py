"""The rows of the losses of logits (B, C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ckd_mm import functional

from .references import reference_ckd, reference_dist, reference_dkd, reference_kd
from .references_logits import (
    reference_bdkd,
    reference_ctkd,
    reference_js,
    reference_mlkd,
    reference_nkd,
    reference_ofa,
    reference_pld,
    reference_sinkd,
)
from .row import BAD_TEMPERATURES, LossRow, Mismatch, bad_numbers
from .samples import (
    PERMUTATIONS,
    SHIFTS,
    exchange,
    permute_student_rows,
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
BAD_TEMPERATURE_LISTS = tuple(
    {'temperatures': value} for value in (2.0, [], [1.0, 0], [True], ['2'], '23', None)
)


def ckd_function(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    image_index: Tensor,
    *,
    same_class_negatives: bool = True,
    per_image: bool = False,
    **kwargs: Any,
) -> Tensor:
    """The function that a module of these options is."""
    if not same_class_negatives or kwargs.get('positives') == 'class':
        kwargs['target'] = target
    if per_image:
        kwargs['image_index'] = image_index
    return functional.ckd_loss(student, teacher, **kwargs)


def ctkd_function(
    student: Tensor,
    teacher: Tensor,
    epoch: float,
    *,
    ramp_epochs: float = 10.0,
    num_classes: int | None = None,
    **kwargs: Any,
) -> Tensor:
    """The function of a module as it starts."""
    score = torch.ones(() if num_classes is None else (len(student),))
    strength = functional.ctkd_strength(epoch, ramp_epochs)
    return functional.ctkd_loss(student, teacher, score, strength=strength, **kwargs)


LOGIT_ROWS = (
    LogitRow(
        class_name='CKDLoss',
        function=ckd_function,
        reference=reference_ckd,
        defaults={
            'temperature': 1.0,
            'anchor': 'teacher',
            'same_class_negatives': True,
            'per_image': False,
            'positive_in_denominator': True,
            'positives': 'self',
            'background_class': None,
            'center': None,
        },
        kwargs_sets=(
            {'temperature': 1.0},
            {'temperature': 0.1},
            {'temperature': 0.5, 'anchor': 'student'},
            {'temperature': 2.0, 'anchor': 'both'},
            {'temperature': 0.5, 'anchor': 'both', 'block_size': 2},
            {'temperature': 0.5, 'same_class_negatives': False},
            {'temperature': 0.5, 'per_image': True, 'anchor': 'student'},
            {
                'temperature': 1.0,
                'anchor': 'both',
                'same_class_negatives': False,
                'per_image': True,
                'block_size': 2,
            },
            {'temperature': 0.5, 'positive_in_denominator': False, 'anchor': 'both'},
            {'temperature': 0.5, 'positive_in_denominator': False, 'block_size': 2},
            {'temperature': 0.5, 'positives': 'class'},
            {
                'temperature': 1.0,
                'positives': 'class',
                'positive_in_denominator': False,
                'background_class': 0,
                'anchor': 'both',
                'block_size': 2,
            },
        ),
        invariances={
            **PERMUTATIONS,
            'positive scale of each student row': scale_student_rows,
            'positive scale of each teacher row': scale_teacher_rows,
            'joint rotation': rotate,
        },
        refused=(
            *BAD_TEMPERATURES,
            {'anchor': 'Teacher'},
            {'anchor': None},
            *({'block_size': value} for value in (0, -1, 2.0, '2', True)),
            *({'same_class_negatives': value} for value in (0, None, 'False')),
            *({'per_image': value} for value in (1, None, 'True')),
            *({'positive_in_denominator': value} for value in (0, None, 'True')),
            *({'positives': value} for value in ('classes', None, True)),
            *({'center': value} for value in ('rows', True, 0)),
            *({'geometry': value} for value in (1, None)),
        ),
        golden=('ckd',),
        needs=('target', 'image_index'),
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
    LogitRow(
        class_name='MLKDLoss',
        function=functional.mlkd_loss,
        reference=reference_mlkd,
        defaults={'temperatures': [2, 3, 4, 5, 6], 'standardize': False},
        kwargs_sets=(
            {'temperatures': (1.0, 4.0)},
            {'temperatures': [2.0], 'standardize': True},
        ),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(
            *BAD_SWITCHES,
            *BAD_TEMPERATURE_LISTS,
        ),
        golden=('mlkd_batch', 'mlkd_class'),
    ),
    LogitRow(
        class_name='NKDLoss',
        function=functional.nkd_loss,
        reference=reference_nkd,
        defaults={'gamma': 1.5, 'temperature': 1.0},
        kwargs_sets=(
            {'gamma': 1.5, 'temperature': 1.0},
            {'gamma': 0.5, 'temperature': 3.0},
            {'gamma': 0.0, 'temperature': 1.0},
        ),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(*BAD_TEMPERATURES, *bad_numbers('gamma')),
        golden=('nkd',),
        needs_target=True,
    ),
    LogitRow(
        class_name='OFALoss',
        function=functional.ofa_loss,
        reference=reference_ofa,
        defaults={'epsilon': 1.0, 'temperature': 1.0},
        kwargs_sets=(
            {'epsilon': 1.0, 'temperature': 1.0},
            {'epsilon': 1.5, 'temperature': 2.0},
        ),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(*BAD_TEMPERATURES, *bad_numbers('epsilon', 0)),
        golden=('ofa',),
        needs_target=True,
    ),
    LogitRow(
        class_name='PLDLoss',
        function=functional.pld_loss,
        reference=reference_pld,
        defaults={'temperature': 1.0},
        kwargs_sets=({'temperature': 1.0}, {'temperature': 3.0}),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=BAD_TEMPERATURES,
        golden=('pld',),
        needs_target=True,
    ),
    LogitRow(
        class_name='JSLoss',
        function=functional.js_loss,
        reference=reference_js,
        defaults={'temperature': 1.0},
        kwargs_sets=({'temperature': 1.0}, {'temperature': 4.0}),
        invariances={**PERMUTATIONS, **SHIFTS, 'exchange of the models': exchange},
        refused=BAD_TEMPERATURES,
    ),
    LogitRow(
        class_name='SinKDLoss',
        function=functional.sinkd_loss,
        reference=reference_sinkd,
        defaults={'temperature': 2.0, 'epsilon': 0.1, 'num_iterations': 20},
        kwargs_sets=(
            {'temperature': 2.0, 'epsilon': 0.1, 'num_iterations': 20},
            {'temperature': 1.0, 'epsilon': 1.0, 'num_iterations': 1},
        ),
        invariances={
            **PERMUTATIONS,
            **SHIFTS,
            "permutation of the student's rows": permute_student_rows,
        },
        refused=(
            *BAD_TEMPERATURES,
            *bad_numbers('epsilon', 0),
            *bad_numbers('num_iterations', 0, 1.5),
        ),
    ),
    LogitRow(
        class_name='BDKDLoss',
        function=functional.bdkd_loss,
        reference=reference_bdkd,
        defaults={'emphasis': 2.0, 'temperature': 4.0},
        kwargs_sets=(
            {'emphasis': 2.0, 'temperature': 4.0},
            {'emphasis': 0.5, 'temperature': 1.0},
        ),
        invariances={**PERMUTATIONS, **SHIFTS, 'exchange of the models': exchange},
        refused=(*BAD_TEMPERATURES, *bad_numbers('emphasis', 0)),
    ),
    LogitRow(
        class_name='CTKDLoss',
        function=ctkd_function,
        reference=reference_ctkd,
        defaults={
            'min_temperature': 1.0,
            'temperature_range': 20.0,
            'ramp_epochs': 10.0,
            'standardize': False,
        },
        kwargs_sets=(
            {'min_temperature': 1.0, 'temperature_range': 20.0},
            {'min_temperature': 2.0, 'temperature_range': 0.5, 'standardize': True},
            {'min_temperature': 1.0, 'temperature_range': 4.0, 'num_classes': 5},
        ),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(
            *bad_numbers('min_temperature', 0),
            *bad_numbers('temperature_range', 0),
            *bad_numbers('ramp_epochs'),
            {'num_classes': 0},
            {'num_classes': 5.0},
            *BAD_SWITCHES,
        ),
        needs=('epoch',),
    ),
)
