"""The weights of the linear layer that gives a teacher's class logits."""

from __future__ import annotations

from dataclasses import replace

from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.core.class_logits import Columns
from ckd_mm.adapters.core.context import Context
from ckd_mm.adapters.core.pair_spec import PairSpec
from ckd_mm.adapters.core.step import Step

__all__ = ['with_class_weights']


def with_class_weights(spec: PairSpec, teacher: BaseModel, name: str) -> PairSpec:
    """A pair spec of class logits whose losses can ask for `teacher_classifier`.

    It has the weights (C, D), a row for each column that is compared; or the reason why
    there are none.

    Args:
        spec: What is compared.
        teacher: The teacher.
        name: The last linear layer of its head; empty if there is none.
    """
    columns = spec.columns
    if not isinstance(columns, Columns):
        return spec
    layer = teacher.get_submodule(name) if name else None
    reason = _why_not(layer, columns)
    if reason:
        return replace(spec, missing_context={'teacher_classifier': reason})

    def read(step: Step) -> Tensor:
        weights: Tensor = teacher.get_submodule(name).weight
        return columns.match.teacher.of(weights.detach(), 0)

    weights = {'teacher_classifier': Context(read, of_teacher=True)}
    return replace(spec, context={**spec.context, **weights})


def _why_not(layer: nn.Module | None, columns: Columns) -> str:
    """Why a layer has no row of weights for each column; empty if it has."""
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
