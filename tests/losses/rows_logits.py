"""The rows of the losses of logits (B, C)."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ckd_mm import functional

from .logit_row import LogitRow
from .references import reference_dist, reference_dkd, reference_kd
from .references_logits import (
    reference_bdkd,
    reference_js,
    reference_mlkd,
    reference_nkd,
    reference_ofa,
    reference_pld,
    reference_rld,
    reference_sinkd,
    reference_ttm,
    reference_wkdl,
)
from .row import BAD_TEMPERATURES, bad_numbers
from .rows_ckd import CKD_ROW
from .rows_scheduled import BAD_SWITCHES, SCHEDULED_ROWS
from .samples import (
    PERMUTATIONS,
    SHIFTS,
    exchange,
    permute_rows,
    permute_student_rows,
)

__all__ = ['LOGIT_ROWS']


BAD_TEMPERATURE_LISTS = tuple(
    {'temperatures': value} for value in (2.0, [], [1.0, 0], [True], ['2'], '23', None)
)


def rld_options(
    alpha: float, beta: float, temperature: float, confidence_temperature: float
) -> dict[str, float]:
    return {
        'alpha': alpha,
        'beta': beta,
        'temperature': temperature,
        'confidence_temperature': confidence_temperature,
    }


def wkdl_function(
    student: Tensor, teacher: Tensor, target: Tensor, classifier: Tensor, **kwargs: Any
) -> Tensor:
    """With distances of a classifier's weights."""
    distances = functional.class_distances(classifier)
    return functional.wkdl_loss(student, teacher, target, distances, **kwargs)


LOGIT_ROWS = (
    CKD_ROW,
    *SCHEDULED_ROWS,
    LogitRow(
        class_name='KDLoss',
        function=functional.kd_loss,
        reference=reference_kd,
        defaults={'temperature': 4.0, 'standardize': False, 'restore_scale': False},
        kwargs_sets=(
            {'temperature': 4.0},
            {'temperature': 1.0},
            {'temperature': 2.0, 'standardize': True},
            {'temperature': 2.0, 'standardize': True, 'restore_scale': True},
        ),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(
            *BAD_TEMPERATURES,
            *BAD_SWITCHES,
            {'restore_scale': 1},
            {'restore_scale': None},
        ),
        golden=('kd', 'lskd', 'normkd'),
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
        class_name='RLDLoss',
        function=functional.rld_loss,
        reference=reference_rld,
        defaults=rld_options(1.0, 8.0, 4.0, 1.0),
        kwargs_sets=(
            rld_options(1.0, 8.0, 4.0, 1.0),
            rld_options(1.0, 0.5, 1.0, 2.0),
            rld_options(0.0, 2.0, 3.0, 1.0),
        ),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(
            *BAD_TEMPERATURES,
            *bad_numbers('confidence_temperature', 0),
            {'alpha': -1.0},
            {'beta': float('nan')},
        ),
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
        class_name='TTMLoss',
        function=functional.ttm_loss,
        reference=reference_ttm,
        defaults={'gamma': 0.2, 'weighted': True},
        kwargs_sets=(
            {'gamma': 0.2},
            {'gamma': 1.0},
            {'gamma': 0.1, 'weighted': False},
        ),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(
            *bad_numbers('gamma', 0),
            *({'weighted': bad} for bad in (1, 'True', None)),
        ),
        golden=('ttm',),
    ),
    LogitRow(
        class_name='WKDLLoss',
        function=wkdl_function,
        reference=reference_wkdl,
        defaults={'gamma': 30.0, 'temperature': 2.0, 'sharpness': 1.0},
        kwargs_sets=(
            {'gamma': 30.0},
            {'gamma': 2.0, 'temperature': 1.0, 'sharpness': None, 'epsilon': 0.5},
            {'sharpness': 2.0, 'num_iterations': 1},
        ),
        invariances={'joint permutation of rows': permute_rows, **SHIFTS},
        refused=(
            *BAD_TEMPERATURES,
            *({'distances': bad} for bad in (7, [[0.0, 1.0]], [[float('nan')]], 'no')),
            *({'sharpness': bad} for bad in (0, -1.0, '1', True)),
            *bad_numbers('gamma'),
            *bad_numbers('epsilon', 0),
            *bad_numbers('num_iterations', 0, 1.5),
        ),
        needs_target=True,
        needs=('teacher_classifier',),
    ),
)
