"""What a term costs in a step in which its schedule is 0."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import ModelTeacher

from ..adapters.dense.test_cross import batch, deep


class Operations(TorchDispatchMode):
    """Counts the operations on tensors of four dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        self.number += isinstance(found, torch.Tensor) and found.ndim == 4
        return found


def test_a_cross_term_that_does_not_act_makes_no_map() -> None:
    student, teacher = deep('RetinaNet'), deep('RetinaNet', 1).requires_grad_(False)
    term = dict(on='cross_logits', loss=dict(type='QualityFocalKDLoss'))
    distiller = Distiller(student, [ModelTeacher(teacher)], build_terms({'x': term}))
    data = student.data_preprocessor(batch(), True)
    found = []
    for factor in (None, 0.0, 1.0):
        distiller.set_progress(0.0, {'x': factor or 0.0})
        with (
            nullcontext() if factor is None else distiller.attached(),
            Operations() as operations,
        ):
            student(**data, mode='loss')
        found.append(operations.number)
    stock, idle, acting = found
    assert idle == stock < acting
