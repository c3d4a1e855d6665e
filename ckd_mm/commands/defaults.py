"""The default settings of each part: the one table that all tools take them from.

The users of the table are `tools/train.py --method`, the lines that
`tools/inspect_distillation.py` prints, and most configs in `configs/_base_/distill`. A
setting is that of the paper. Where that did nothing, it is one that was measured to
work; `docs/methods/ckd.md` has both.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy
from typing import Any

from ckd_mm.adapters.core.class_logits import Columns, Pixels
from ckd_mm.registry import LOSSES

__all__ = [
    'FEATURES',
    'METHODS',
    'OPTIONS',
    'OTHER_PARTS',
    'STUDENT_LOSS_WEIGHTS',
    'class_term',
    'maps_loss',
    'part_term',
]

FEATURES = 'features'
"""The method that compares feature maps, whatever the two families."""

_OF_DETECTORS: dict[str, dict[str, Any]] = {
    'ckd': dict(type='CKDLoss', temperature=0.1, loss_weight=1.0),
    'kd': dict(type='KDLoss', temperature=1.0, loss_weight=1.0),
    'dkd': dict(type='DKDLoss', alpha=1.0, beta=0.25, temperature=1.0),
    'dist': dict(type='DISTLoss', beta=1.0, gamma=1.0, temperature=1.0),
}

METHODS: dict[str, dict[str, dict[str, Any]]] = {
    # MMPretrain classifiers, at the scale of ImageNet
    'logits': {
        'ckd': dict(type='CKDLoss', temperature=1.0, loss_weight=10.0),
        'kd': dict(type='KDLoss', temperature=1.0, loss_weight=0.5),
        'dkd': dict(type='DKDLoss', alpha=1.0, beta=0.5, temperature=1.0),
        'dist': dict(type='DISTLoss', beta=2.0, gamma=2.0, temperature=1.0),
    },
    # MMDetection two-stage detectors. The authors' CKD is weight 0.1 at temperature 1.
    'roi_logits': _OF_DETECTORS,
    # One-stage detectors, and those with queries. Not run: the values of RoI logits.
    'dense_logits': _OF_DETECTORS,
    'query_logits': _OF_DETECTORS,
}
"""Loss by part and method, for the parts that are a family's class logits."""

STUDENT_LOSS_WEIGHTS = {('logits', 'kd'): 0.5}
"""The factor on the student's losses, by part and method, where it is not 1."""

OPTIONS: dict[tuple[str, str], dict[str, Any]] = {
    # only anchors and points that were assigned to an object have a target
    ('dense_logits', 'dkd'): dict(rows='assigned'),
    # a query without an object has one among yes and no
    ('query_logits', 'dkd'): dict(activation='binary'),
}
"""Options of a part with a sigmoid per class, where a method needs special ones."""

OTHER_PARTS: dict[str, dict[str, Any]] = {
    # the authors' for ResNet-50 -> MobileNetV2 on ImageNet
    'cam': dict(type='CATKDLoss', normalize=True, loss_weight=10.0),
    'roi_objectness': dict(type='KDLoss', temperature=1.0),
    'rpn_logits': dict(type='KDLoss', temperature=1.0),
    'dense_objectness': dict(type='KDLoss', temperature=1.0),
    'mask_logits': dict(type='CKDLoss', temperature=0.1),
    'box_distribution': dict(type='KDLoss', temperature=10.0, loss_weight=0.25),
    'roi_features': dict(type='MimicLoss'),
    'roi_boxes': dict(type='BoxRegressionLoss'),
    'rpn_boxes': dict(type='BoxRegressionLoss'),
    'cross_roi_logits': dict(type='KDLoss', temperature=1.0),
    'cross_roi_boxes': dict(type='BoxRegressionLoss'),
    'cross_mask_logits': dict(type='CKDLoss', temperature=0.1),
    'cross_logits': dict(type='QualityFocalKDLoss'),
    'cross_boxes': dict(type='BoxIoUKDLoss'),
    'cross_distribution': dict(type='DistributionKDLoss', loss_weight=4.0),
    # KD-DETR's, whose sum over six decoder layers is six times the mean
    'shared_query_logits': dict(
        type='DistributionKDLoss', temperature=10.0, loss_weight=6.0
    ),
    'shared_query_boxes': dict(type='BoxIoUKDLoss', loss_weight=12.0, l1_weight=2.5),
    'semantic_logits': dict(type='CWDLoss', temperature=1.0, loss_weight=5.0),
}
"""One loss for each part that is no class logits; docs/methods.md has more."""

ACTIVATIONS = {'kd': 'binary'}
"""How a loss of distributions sees a sigmoid per class; else `'softmax'`.

KD of each class as a question of yes and no is BCKD's way, arXiv:2308.14286.
"""


def class_term(
    part: str, method: str, columns: Columns | Pixels | None = None
) -> dict[str, Any]:
    """`on` and `loss` of a part that is a family's class logits.

    Args:
        part: A key of :data:`METHODS`.
        method: A key of its entry.
        columns: What its columns are; `None` if that is not known.
    """
    loss = deepcopy(METHODS[part][method])
    options: dict[str, Any] = {}
    takes = getattr(LOSSES.get(loss['type']), 'takes', '')
    if columns and takes == 'distribution' and not columns.is_distribution:
        options['activation'] = ACTIVATIONS.get(method, 'softmax')
        options.update(OPTIONS.get((part, method), {}))
        if options['activation'] == 'binary':
            # the divergence of a row is the sum of those of its questions
            loss['loss_weight'] = loss.get('loss_weight', 1.0) * (columns.width or 1)
    return dict(on=dict(part=part, **options) if options else part, loss=loss)


def part_term(
    part: str,
    columns: Columns | Pixels | None = None,
    context: Collection[str] = ('assigned',),
) -> dict[str, Any] | None:
    """The default `on` and `loss` of a part; `None` where there is none.

    For class logits it is CKD, or KD where they have one column. Through the teacher's
    dense head it is KD as well where the student does not say what it assigns.

    Args:
        part: Its name.
        columns: What its columns are; `None` if that is not known.
        context: What a loss can ask for by name.
    """
    if part in METHODS:
        single = columns is not None and columns.width == 1
        return class_term(part, 'kd' if single else 'ckd', columns)
    if part == 'cross_logits' and columns is not None:
        width = columns.width or 1
        if width == 1 or 'assigned' not in context:
            on = dict(part=part, activation='binary')
            loss = dict(type='KDLoss', temperature=1.0, loss_weight=float(width))
            return dict(on=on, loss=loss)
    if part == 'shared_query_logits' and columns and not columns.is_distribution:
        on = dict(part=part, activation='softmax')
        return dict(on=on, loss=deepcopy(OTHER_PARTS[part]))
    if part in OTHER_PARTS:
        return dict(on=part, loss=deepcopy(OTHER_PARTS[part]))
    return None


def maps_loss(widths: tuple[list[int], list[int]], same_sizes: bool) -> dict[str, Any]:
    """The loss for feature maps, by channels of student and teacher by level.

    PKD at its authors' weight for necks where widths and sizes agree; else FitNet's
    connectors, which bring the student to the teacher's width and pool to the smaller
    of two sizes. They are without ReLU, as maps may be negative.
    """
    student, teacher = widths
    if student == teacher and same_sizes:
        return dict(type='PKDLoss', loss_weight=6.0)
    channels = dict(student_channels=student, teacher_channels=teacher)
    return dict(type='FitNetLoss', relu=False, **channels)
