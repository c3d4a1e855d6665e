"""A head of one class: each loss of classes is refused, or finite.

The softmax of one class is 1, so a loss of distributions has nothing to teach.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.registry import LOSSES as REGISTRY
from ckd_mm.registry import build

from .battery import LOSSES, LossRow
from .samples import draw

OF_CLASSES = ('distribution', 'sigmoid')
OF_CLASS_MAPS = ('CATKDLoss', 'GLDLoss', 'SDDLoss')
OF_DISTRIBUTIONS = ('SDDLoss', 'LinearKDLoss', 'DHOLoss', 'OFABranchLoss')
"""Those that do not say so by `takes`."""
REFUSED = ('DKDLoss', 'NKDLoss', 'RLDLoss', 'WKDLLoss')
OF_ONE_CLASS: dict[str, Any] = {'class_counts': [7], 'num_classes': 1}
"""Options with an entry for each class."""


def is_of_classes(row: LossRow) -> bool:
    takes = REGISTRY.module_dict[row.class_name].takes
    return takes in OF_CLASSES or row.class_name in ('CKDLoss', *OF_CLASS_MAPS)


EACH = pytest.mark.parametrize(
    ('row', 'kwargs'),
    [
        pytest.param(row, kwargs, id=f'{row.class_name}-{number}')
        for row in LOSSES
        if is_of_classes(row)
        for number, kwargs in enumerate(row.kwargs_sets)
    ],
)


@EACH
def test_a_loss_of_classes_is_refused_or_finite(
    row: LossRow, kwargs: dict[str, Any]
) -> None:
    sample = draw(4, 1, *row.rest[1:], seed=1)
    options = {key: OF_ONE_CLASS.get(key, value) for key, value in kwargs.items()}
    loss = row.build(**options)
    if row.class_name in REFUSED:
        with pytest.raises(ValueError, match=r'at least 2 classes, got \(4, 1\); use '):
            loss(*row.inputs(sample))
        return
    check(row.class_name, loss(*row.inputs(sample)), sample.student)


def check(name: str, value: Tensor, student: Tensor) -> None:
    assert value.isfinite()
    (found,) = torch.autograd.grad(value, student)
    assert found.isfinite().all()
    takes = REGISTRY.module_dict[name].takes
    if takes == 'distribution' or name in OF_DISTRIBUTIONS:
        assert found.abs().max() < 1e-6
    elif name != 'CKDLoss':  # a row of one number has no direction to learn
        assert found.abs().max() > 1e-6


LABELS = torch.zeros(4, dtype=torch.long)
INDICES = torch.arange(4)
WIDTHS = dict(student_channels=3, teacher_channels=1)
OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    'LinearKDLoss': (WIDTHS, {}),
    'DHOLoss': (WIDTHS, {}),
    'NDLoss': (dict(num_classes=1, teacher_channels=3), dict(target=LABELS)),
    'CRDLoss': (
        dict(num_samples=4, student_channels=3, teacher_channels=3, num_negatives=2),
        dict(target=LABELS, sample_index=INDICES),
    ),
    'MCLLoss': (dict(student_channels=3, teacher_channels=3), dict(target=LABELS)),
    'MaKDLoss': (
        dict(student_channels=3, table=[[0.3]], by='class'),
        dict(target=LABELS),
    ),
}
"""Losses of embeddings beside labels, or beside a teacher's one logit."""


@pytest.mark.parametrize('name', OTHERS)
def test_a_loss_of_embeddings_is_finite(name: str) -> None:
    options, more = OTHERS[name]
    sample = draw(4, 3)
    loss: Any = build(REGISTRY, dict(type=name, **options))
    width = 1 if options.get('teacher_channels') == 1 else 3
    teacher = sample.teacher.float()[:, :width]
    student = sample.student.detach().float().requires_grad_()
    check(name, loss(student, teacher, **more), student)


def test_a_branch_is_finite() -> None:
    maps = draw(4, 4, 4, 2).student.detach().float().requires_grad_()
    widths = dict(student_channels=4, teacher_channels=1)
    loss: Any = build(REGISTRY, dict(type='OFABranchLoss', stage=3, **widths))
    check('OFABranchLoss', loss(maps, torch.randn(4, 1), LABELS), maps)


def test_soft_labels_of_one_class_are_refused() -> None:
    loss: Any = build(REGISTRY, dict(type='USKDLoss', student_channels=[1, 4]))
    with pytest.raises(ValueError, match=r'got logits \(4, 1\); use another loss'):
        loss([torch.randn(4, 1), torch.randn(4, 4)], LABELS)
