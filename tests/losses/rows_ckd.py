"""The row of CKD, which has the most options of the losses of logits."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ckd_mm import functional

from .logit_row import LogitRow
from .references import reference_ckd
from .row import BAD_TEMPERATURES
from .samples import PERMUTATIONS, rotate, scale_student_rows, scale_teacher_rows

__all__ = ['CKD_ROW']


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


CKD_ROW = LogitRow(
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
        {'temperature': 0.5, 'center': 'batch', 'anchor': 'both'},
        {'temperature': 1.0, 'center': 'classes', 'block_size': 2},
        {'temperature': 0.5, 'center': 'batch', 'positives': 'class', 'block_size': 2},
    ),
    invariances={
        **PERMUTATIONS,
        'positive scale of each student row': scale_student_rows,
        'positive scale of each teacher row': scale_teacher_rows,
        'joint rotation': rotate,
    },
    broken_by={
        'positive scale of each student row': {'center': 'batch'},
        'positive scale of each teacher row': {'center': 'batch'},
        'joint rotation': {'center': 'classes'},
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
)
