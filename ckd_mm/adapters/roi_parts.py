"""What two RoI heads can be compared by: the parts and their options."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ckd_mm.adapters.comparison import Comparison, Missing, Part, Side, Step
from ckd_mm.adapters.sampled_rois import SampledRoIs
from ckd_mm.adapters.stages import Passes, Stages, choose_passes
from ckd_mm.losses._checks import non_negative
from ckd_mm.recorders import Tap

__all__ = ['RoIParts']

Take: TypeAlias = Callable[[Any, Step, int, int], Tensor]
"""Rows from what a module made of the RoIs of a student's stage, in a stage."""


class RoIParts:
    """The parts of two models that both have RoI heads.

    In all of them the option `student_stage` chooses one stage of a cascade, whose RoIs
    are compared (`None`: those of all stages, one after the other), and `teacher_stage`
    what sees them in a teacher with a cascade: see
    :func:`ckd_mm.adapters.stages.choose_passes`.

    Args:
        student: The student's stages.
        teacher: The teacher's.
    """

    def __init__(self, student: Stages, teacher: Stages) -> None:
        self.student, self.teacher = student, teacher

    def parts(self) -> dict[str, Part]:
        """The parts by name, or why there is none."""
        return {
            'roi_logits': self.roi_logits,
            'embedding': self._missing('bbox_head', 'fc_cls') or self.embedding,
            'mask_logits': self._missing('mask_head') or self.mask_logits,
        }

    def roi_logits(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        background_ratio: float | None = None,
    ) -> Comparison:
        """Class logits of the RoIs that the student's sampler drew, (R, C + 1).

        `background_ratio`: how many background RoIs are compared for each that is
        assigned to an object, at most; 0 leaves the objects alone, `None` takes all as
        the sampler drew them, which is what the authors of CKD do. COCO's samplers draw
        at least three background RoIs for each of an object; many of them look alike.
        """
        return self._of_rois(
            choose_passes(self.student, self.teacher, student_stage, teacher_stage),
            ('bbox_head', '', 'output'),
            lambda output, step, own, stage: output[0],
            background_ratio,
            num_classes=True,
        )

    def embedding(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        background_ratio: float | None = None,
    ) -> Comparison:
        """What the last layer of the box head makes these logits of, (R, D)."""
        return self._of_rois(
            choose_passes(self.student, self.teacher, student_stage, teacher_stage),
            ('bbox_head', 'fc_cls', 'input'),
            lambda arguments, step, own, stage: arguments[0],
            background_ratio,
        )

    def mask_logits(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
    ) -> Comparison:
        """The masks of the RoIs of objects, in the channels of their classes."""
        passes = choose_passes(self.student, self.teacher, student_stage, teacher_stage)
        sampled = SampledRoIs(self.student, passes.own)
        student, teacher = self._sides(passes, ('mask_head', '', 'output'), self._mask)
        return Comparison(
            student,
            teacher,
            extras=sampled.object_extras(),
            needs=sampled.taps,
        )

    def _of_rois(
        self,
        passes: Passes,
        place: tuple[str, str, Any],
        take: Take,
        background_ratio: float | None,
        num_classes: bool = False,
    ) -> Comparison:
        sampled = SampledRoIs(self.student, passes.own)
        student, teacher = self._sides(passes, place, take, num_classes)
        if background_ratio is None:
            return Comparison(student, teacher, extras=sampled.extras())
        ratio = non_negative('background_ratio', background_ratio)
        return Comparison(
            student,
            teacher,
            extras=sampled.extras(),
            choose=partial(sampled.rows, ratio),
            needs=sampled.taps,
        )

    def _sides(
        self,
        passes: Passes,
        place: tuple[str, str, Any],
        take: Take,
        num_classes: bool = True,
    ) -> tuple[Side, Side]:
        module, inner, side = place
        pairs = [
            (own, stage)
            for own, stages in zip(passes.own, passes.other, strict=True)
            for stage in stages
        ]
        # The first stage runs in every step: what a cascade that stopped early has the
        # width of. See _student_rows.
        own_taps = [
            Tap(self.student.name(module, own, inner), side) for own in (0, *passes.own)
        ]
        other_taps = [
            Tap(self.teacher.name(module, stage, inner), side, during=own)
            for own, stage in pairs
        ]
        classes = [
            stages.name(module, 0, 'num_classes') if num_classes else ''
            for stages in (self.student, self.teacher)
        ]
        return (
            Side(
                tuple(own_taps),
                partial(_student_rows, take, passes.own),
                classes[0],
                may_skip=self.student.is_cascade,
            ),
            Side(tuple(other_taps), partial(_teacher_rows, take, pairs), classes[1]),
        )

    def _mask(self, masks: Tensor, step: Step, own: int, stage: int) -> Tensor:
        """Of (P, C, H, W), or (P, 1, H, W) if class-agnostic, the rows (P, H * W)."""
        labels = SampledRoIs(self.student, [own]).object_labels(step)
        channel = labels if masks.shape[1] > 1 else torch.zeros_like(labels)
        return masks[torch.arange(len(masks), device=masks.device), channel].flatten(1)

    def _missing(self, module: str, inner: str = '') -> Missing | None:
        lacking = [
            f'the {whose} has none'
            for whose in ('student', 'teacher')
            if not getattr(self, whose).has(module, inner)
        ]
        return Missing(' and '.join(lacking)) if lacking else None


def _student_rows(
    take: Take, stages: tuple[int, ...], values: list[Any], step: Step
) -> Tensor:
    """The rows of all stages; None where a cascade stopped, having no RoI left."""
    first, *values = values
    rows = [
        take(value, step, stage, stage)
        for value, stage in zip(values, stages, strict=True)
        if value is not None
    ]
    if not rows:
        return take(first, step, 0, 0)[:0]
    return rows[0] if len(rows) == 1 else torch.cat(rows)


def _teacher_rows(
    take: Take, pairs: list[tuple[int, int]], values: list[Any], step: Step
) -> Tensor:
    """The rows of all the student's stages, each the mean of the teacher's stages."""
    rows: dict[int, list[Tensor]] = {}
    for value, (own, stage) in zip(values, pairs, strict=True):
        rows.setdefault(own, []).append(take(value, step, own, stage))
    means = [
        of_stage[0] if len(of_stage) == 1 else torch.stack(of_stage).mean(0)
        for of_stage in rows.values()
    ]
    return means[0] if len(means) == 1 else torch.cat(means)
