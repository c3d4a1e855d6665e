"""CrowdDet: two predictions of each RoI, in no fixed order.

The loss of CrowdDet takes the better of the two orders for each RoI. So the first
prediction of the student may be of the same object as the second one of the teacher.
The predictions of each RoI are matched.

Shape suffixes: R RoIs, S and T the student's and the teacher's predictions of a RoI.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ckd_mm.adapters.core.box_deltas import in_units_of
from ckd_mm.adapters.core.class_logits import ClassLogits, Columns
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.pair_spec import Context, PairSpec, Readout
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.roi.passes import RoIHeads
from ckd_mm.adapters.roi.sampled import SampledRoIs
from ckd_mm.adapters.roi.stages import Stages

__all__ = ['InstanceParts', 'has_instances']


def has_instances(stages: Stages) -> bool:
    """Whether the box head makes two predictions of a RoI, of one class and its box."""
    head = stages.head(0)
    return getattr(head, 'num_instance', 1) == 2 and head.num_classes == 1


class InstanceParts:
    """The part of two box heads with two predictions, see :func:`has_instances`.

    Args:
        student: The student's.
        teacher: The teacher's.
        names: The names of their classes.
    """

    def __init__(
        self, student: Stages, teacher: Stages, names: ClassNames | None = None
    ) -> None:
        self.student, self.teacher, self.names = student, teacher, names

    def roi_logits(self) -> PairSpec:
        """Class logits of both predictions of each RoI of the sampler, (2 * R, 2).

        The teacher's two predictions of a RoI are put into the order that differs less
        from the student's. The difference is the sum of absolute differences of class
        probabilities and of box deltas; this choice is ours. A head that refines its
        predictions gives the refined ones.
        """
        one = ClassLogits(1, 'softmax', background=True)
        columns = Columns.of(one, one, self.names)
        names = [stages.name('bbox_head', 0) for stages in (self.student, self.teacher)]
        sampled = SampledRoIs(self.student, [0]).context()
        run = RoIHeads('bbox', 0, 0, self.student, self.teacher)
        return PairSpec(
            Readout((Tap(names[0]),), _rows),
            Readout((Tap(names[1], run=run),), _rows),
            context={name: _twice(sampled[name]) for name in ('image_index', 'rois')},
            missing_context={
                'target': 'it is not told which prediction is of which object'
            },
            choose=self._in_one_order,
            match=columns.match,
            columns=columns,
        )

    def _in_one_order(
        self, student: list[Any], teacher: list[Any], step: Step
    ) -> tuple[Tensor, Tensor]:
        """All rows of the student, and the teacher's that belong to them."""
        student_logits, student_deltas = _read(student)
        teacher_logits, teacher_deltas = _read(teacher)
        heads = self.student.head(0), self.teacher.head(0)
        teacher_deltas = in_units_of(*heads, teacher_deltas.flatten(0, 1))
        pairs = (
            (student_logits.softmax(2), teacher_logits.softmax(2)),
            (student_deltas, teacher_deltas.unflatten(0, (-1, 2))),
        )
        costs_RST = sum(torch.cdist(a.float(), b.float(), p=1) for a, b in pairs)
        assert isinstance(costs_RST, Tensor)
        straight = costs_RST.diagonal(dim1=1, dim2=2).sum(1)
        crossed = costs_RST.flip(2).diagonal(dim1=1, dim2=2).sum(1)
        first = (crossed < straight).long()
        rows = torch.arange(2 * len(first), device=first.device)
        return rows, 2 * (rows // 2) + torch.stack([first, 1 - first], 1).flatten()


def _read(values: list[Any]) -> tuple[Tensor, Tensor]:
    """Class logits (R, 2, 2), background last, and deltas (R, 2, 4).

    A head that refines returns both of each, the refined ones last.
    """
    *_, logits, deltas = values[0]
    return logits.unflatten(1, (2, 2)).flip(2), deltas.unflatten(1, (2, 4))


def _rows(values: list[Any], step: Step) -> Tensor:
    return _read(values)[0].flatten(0, 1)


def _twice(one: Context) -> Context:
    return Context(lambda step: one.read(step).repeat_interleave(2, 0), one.taps)
