"""The weights of the linear layer that gives a teacher's class logits."""

from __future__ import annotations

from collections.abc import Callable

from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.core.class_logits import Columns
from ckd_mm.adapters.core.step import Step

__all__ = ['class_weights', 'why_no_class_weights']


def why_no_class_weights(layer: nn.Module | None, columns: Columns) -> str:
    """Why a layer has no row of weights for each column; empty if it has.

    Args:
        layer: The last linear layer of the teacher's head, if there is one.
        columns: What is compared of the class logits.
    """
    if columns.activation == 'binary':
        return (
            "with activation='binary' the columns are yes and no, and no classes; take "
            "activation='softmax'"
        )
    classes = columns.match.teacher.num_classes
    if layer is None or getattr(layer, 'out_features', None) != classes:
        return (
            f'the head of the teacher does not end in one linear layer of {classes} '
            'classes'
        )
    return ''


def class_weights(
    teacher: BaseModel, name: str, columns: Columns
) -> Callable[[Step], Tensor]:
    """How its weights (C, D) are read, a row for each column that is compared.

    Args:
        teacher: The teacher.
        name: The name of the layer.
        columns: What is compared of the class logits.
    """

    def read(step: Step) -> Tensor:
        weights: Tensor = teacher.get_submodule(name).weight
        return columns.match.teacher.of(weights.detach(), 0)

    return read
