"""The table of registered losses, and what the tests that read it share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm import functional

from .references import reference_ckd, reference_dist, reference_dkd, reference_kd

__all__ = ['EACH', 'EACH_SETTING', 'LOSSES', 'LossRow', 'Sample', 'draw', 'gradient']


@dataclass(frozen=True)
class Sample:
    """One batch: logits of both models, and labels."""

    student: Tensor
    teacher: Tensor
    target: Tensor

    def map_logits(self, change: Callable[[Tensor], Tensor]) -> Sample:
        return replace(self, student=change(self.student), teacher=change(self.teacher))


@dataclass(frozen=True)
class LossRow:
    """What the battery knows of one registered loss."""

    class_name: str
    function: Callable[..., Tensor]
    reference: Callable[..., Tensor]
    defaults: dict[str, Any]
    kwargs_sets: tuple[dict[str, Any], ...]
    invariances: dict[str, Callable[[Sample], Sample]]
    refused: tuple[dict[str, Any], ...]
    needs_target: bool = False

    def inputs(self, sample: Sample) -> tuple[Tensor, ...]:
        """What the loss takes of a sample, in order."""
        target = (sample.target,) if self.needs_target else ()
        return (sample.student, sample.teacher, *target)


def draw(rows: int, classes: int, *, seed: int = 0, scale: float = 2.0) -> Sample:
    """Random float64 logits; the student's require a gradient."""
    generator = torch.Generator().manual_seed(seed)
    shape = (2, rows, classes)
    both = scale * torch.randn(shape, generator=generator, dtype=torch.float64)
    target = torch.randint(classes, (rows,), generator=generator)
    return Sample(both[0].clone().requires_grad_(), both[1].clone(), target)


def gradient(value: Tensor, sample: Sample) -> Tensor:
    return torch.autograd.grad(value, sample.student)[0]


def permute_rows(sample: Sample) -> Sample:
    order = torch.arange(len(sample.target)).roll(2)
    moved = sample.map_logits(lambda logits: logits[order])
    return replace(moved, target=sample.target[order])


def permute_classes(sample: Sample) -> Sample:
    order = torch.arange(sample.student.shape[1]).roll(3)
    moved = sample.map_logits(lambda logits: logits[:, order])
    return replace(moved, target=order.argsort()[sample.target])


def shift_student_rows(sample: Sample) -> Sample:
    constants = torch.arange(len(sample.target), dtype=torch.float64)[:, None]
    return replace(sample, student=sample.student + 3 * constants)


def shift_teacher_rows(sample: Sample) -> Sample:
    constants = torch.arange(len(sample.target), dtype=torch.float64)[:, None]
    return replace(sample, teacher=sample.teacher - 2 * constants)


def scale_student_rows(sample: Sample) -> Sample:
    factors = torch.arange(1, 1 + len(sample.target), dtype=torch.float64)[:, None]
    return replace(sample, student=sample.student * factors)


def scale_teacher_rows(sample: Sample) -> Sample:
    factors = torch.arange(1, 1 + len(sample.target), dtype=torch.float64)[:, None]
    return replace(sample, teacher=sample.teacher / factors)


def rotate(sample: Sample) -> Sample:
    generator = torch.Generator().manual_seed(3)
    classes = sample.student.shape[1]
    noise = torch.randn(classes, classes, generator=generator, dtype=torch.float64)
    rotation = torch.linalg.qr(noise).Q
    return sample.map_logits(lambda logits: logits @ rotation)


PERMUTATIONS: dict[str, Callable[[Sample], Sample]] = {
    'joint permutation of rows': permute_rows,
    'joint permutation of classes': permute_classes,
}
SHIFTS: dict[str, Callable[[Sample], Sample]] = {
    'constant added to each student row': shift_student_rows,
    'constant added to each teacher row': shift_teacher_rows,
}
BAD_TEMPERATURES: tuple[dict[str, Any], ...] = tuple(
    {'temperature': value}
    for value in (0, -1.0, float('nan'), float('inf'), '4', None, True, [1.0])
)

LOSSES = (
    LossRow(
        class_name='CKDLoss',
        function=functional.ckd_loss,
        reference=reference_ckd,
        defaults={'temperature': 1.0, 'anchor': 'teacher'},
        kwargs_sets=(
            {'temperature': 1.0},
            {'temperature': 0.1},
            {'temperature': 0.5, 'anchor': 'student'},
            {'temperature': 2.0, 'anchor': 'both'},
        ),
        invariances={
            **PERMUTATIONS,
            'positive scale of each student row': scale_student_rows,
            'positive scale of each teacher row': scale_teacher_rows,
            'joint rotation': rotate,
        },
        refused=(*BAD_TEMPERATURES, {'anchor': 'Teacher'}, {'anchor': None}),
    ),
    LossRow(
        class_name='KDLoss',
        function=functional.kd_loss,
        reference=reference_kd,
        defaults={'temperature': 4.0},
        kwargs_sets=({'temperature': 4.0}, {'temperature': 1.0}),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=BAD_TEMPERATURES,
    ),
    LossRow(
        class_name='DKDLoss',
        function=functional.dkd_loss,
        reference=reference_dkd,
        defaults={'alpha': 1.0, 'beta': 8.0, 'temperature': 4.0},
        kwargs_sets=(
            {'alpha': 1.0, 'beta': 8.0, 'temperature': 4.0},
            {'alpha': 1.0, 'beta': 0.25, 'temperature': 1.0},
            {'alpha': 0.0, 'beta': 2.0, 'temperature': 2.0},
        ),
        invariances={**PERMUTATIONS, **SHIFTS},
        refused=(*BAD_TEMPERATURES, {'alpha': -1.0}, {'beta': float('nan')}),
        needs_target=True,
    ),
    LossRow(
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
    ),
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
