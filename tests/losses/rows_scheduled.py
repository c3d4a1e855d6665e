"""The rows of the losses of logits that change in the course of a training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ckd_mm import functional

from .logit_row import LogitRow
from .references_logits import reference_ctkd, reference_hardkd, reference_taid
from .row import bad_numbers
from .samples import PERMUTATIONS, SHIFTS

__all__ = ['BAD_SWITCHES', 'SCHEDULED_ROWS']

BAD_SWITCHES = tuple({'standardize': value} for value in (1, None, 'True'))


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


def taid_function(
    student: Tensor, teacher: Tensor, progress: float, *, start: float = 0.4
) -> Tensor:
    """The function of a module in its first step."""
    return functional.taid_loss(student, teacher, start)


def hardkd_function(
    student: Tensor,
    teacher: Tensor,
    epoch: float,
    *,
    class_counts: list[int] | None = None,
    beta: float = 0.9999,
    reweight_from: float = 0.0,
) -> Tensor:
    """The function with the weights of the module."""
    weights = None
    if class_counts is not None and epoch >= reweight_from:
        weights = functional.effective_number_weights(class_counts, beta)
    return functional.hardkd_loss(student, teacher, class_weights=weights)


SCHEDULED_ROWS = (
    LogitRow(
        class_name='HardKDLoss',
        function=hardkd_function,
        reference=reference_hardkd,
        defaults={'class_counts': None, 'beta': 0.9999, 'reweight_from': 0.0},
        kwargs_sets=(
            {},
            {'class_counts': [90, 40, 9, 3, 1], 'beta': 0.9, 'reweight_from': 2.5},
            {'class_counts': [90, 40, 9, 3, 1], 'reweight_from': 2.6},
        ),
        invariances={
            'joint permutation of rows': PERMUTATIONS['joint permutation of rows'],
            **SHIFTS,
        },
        refused=(
            *({'class_counts': bad} for bad in ([], [3, 0], [2.0], '35', 3, [True])),
            *bad_numbers('beta', 1),
            *bad_numbers('reweight_from'),
        ),
        golden=('hardkd',),
        needs=('epoch',),
    ),
    LogitRow(
        class_name='CTKDLoss',
        function=ctkd_function,
        reference=reference_ctkd,
        golden=('ctkd',),
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
    LogitRow(
        class_name='TAIDLoss',
        function=taid_function,
        reference=reference_taid,
        defaults={'start': 0.4},
        kwargs_sets=({}, {'start': 0.0}),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(
            *({'start': bad} for bad in (-0.1, 1.1, '0.4', None, True)),
            *({'end': bad} for bad in (-0.1, 1.1, '1', None, True)),
            *({'rate': bad} for bad in (-0.1, 1.1, None, True)),
            *bad_numbers('momentum', 1),
        ),
        golden=('taid',),
        needs=('progress',),
        is_derivative=False,  # the target is a constant of the step
    ),
)
