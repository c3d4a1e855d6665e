"""What two RoI heads are compared by at objects: masks and boxes of their class."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from ckd_mm.adapters.core.box_deltas import in_units_of, why_no_deltas
from ckd_mm.adapters.core.class_logits import Pixels, match_classes
from ckd_mm.adapters.core.class_match import ClassMatch
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.pair_spec import PairSpec, Part, Unavailable
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.roi.heads import why_no_logits, why_no_masks
from ckd_mm.adapters.roi.masks import MaskRoIs
from ckd_mm.adapters.roi.readouts import HeadTap, readouts
from ckd_mm.adapters.roi.sampled import SampledRoIs
from ckd_mm.adapters.roi.stages import StageMap, Stages, choose_stages

__all__ = ['ObjectParts', 'missing_module']


class ObjectParts:
    """The parts of two RoI heads that are specific to the class of a RoI.

    The student's assigner gives the class; each model's channel of it is read.

    Args:
        student: The student's stages.
        teacher: The teacher's.
        names: The names of their classes.
    """

    def __init__(
        self, student: Stages, teacher: Stages, names: ClassNames | None = None
    ) -> None:
        self.student, self.teacher, self.names = student, teacher, names

    def parts(self) -> dict[str, Part]:
        """The parts by name, or why there is none."""
        return {
            'mask_logits': self._missing_masks() or self.mask_logits,
            'roi_boxes': self._missing_boxes() or self.roi_boxes,
        }

    def mask_logits(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        activation: str | None = None,
    ) -> PairSpec:
        """The masks of the RoIs of objects, in the channels of their classes.

        `activation`: see :class:`ckd_mm.adapters.core.class_logits.Pixels`.
        """
        stage_map = choose_stages(
            self.student, self.teacher, student_stage, teacher_stage, 'mask'
        )
        rois = MaskRoIs(self.student, stage_map.student)
        match = self._match('mask_head', stage_map)
        student, teacher = readouts(
            self.student,
            self.teacher,
            stage_map,
            HeadTap('mask_head'),
            self._mask,
            teacher_rows=partial(self._mask, in_teacher=match),
        )
        columns, labels = Pixels(activation), rois.context()['target']
        context, missing_context = columns.available_context(rois.context())
        return PairSpec(
            student,
            teacher,
            context=context,
            missing_context=missing_context,
            also_taps=rois.taps,
            match=match,
            columns=columns,
            labels=labels,
        )

    def roi_boxes(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
    ) -> PairSpec:
        """Box deltas of each RoI of an object, those of its class: (P, 4).

        They are in the units that the student's head is trained in. A teacher's head
        may divide by other standard deviations, as each stage of a cascade does; its
        deltas are converted. `box_target` has the deltas of the ground truth.
        """
        stage_map = choose_stages(
            self.student, self.teacher, student_stage, teacher_stage
        )
        sampled = SampledRoIs(self.student, stage_map.student)
        match = self._match('bbox_head', stage_map)
        student, teacher = readouts(
            self.student,
            self.teacher,
            stage_map,
            HeadTap('bbox_head'),
            self._box,
            teacher_rows=partial(self._box, in_teacher=match),
        )
        context = {**sampled.object_context(), 'box_target': sampled.box_target()}
        return PairSpec(
            student,
            teacher,
            context=context,
            also_taps=sampled.taps,
            match=match,
            labels=context['target'],
            gives='box deltas',
        )

    def _match(self, module: str, stage_map: StageMap) -> ClassMatch:
        """The classes in common of these heads."""
        student_stage, teacher_stage = stage_map.pairs()[0]
        student = self.student.module(module, student_stage)
        teacher = self.teacher.module(module, teacher_stage)
        return match_classes(student.num_classes, teacher.num_classes, self.names)

    def _mask(
        self,
        masks: Tensor,
        step: Step,
        stage: int,
        head: Any,
        in_teacher: ClassMatch | None = None,
    ) -> Tensor:
        """Of (P, C, H, W), or (P, 1, H, W) if class-agnostic, the rows (P, H * W)."""
        labels = MaskRoIs(self.student, [stage]).labels(step)
        labels = labels if in_teacher is None else in_teacher.in_teacher(labels)
        channel = labels if masks.shape[1] > 1 else torch.zeros_like(labels)
        return masks[torch.arange(len(masks), device=masks.device), channel].flatten(1)

    def _box(
        self,
        output: Any,
        step: Step,
        stage: int,
        head: Any,
        in_teacher: ClassMatch | None = None,
    ) -> Tensor:
        """Of (R, 4 * C), or (R, 4) if class-agnostic, the rows (P, 4)."""
        sampled = SampledRoIs(self.student, [stage])
        labels = sampled.object_labels(step)
        labels = labels if in_teacher is None else in_teacher.in_teacher(labels)
        deltas = output[1].unflatten(1, (-1, 4))[sampled.objects(step)]
        channel = labels if deltas.shape[1] > 1 else torch.zeros_like(labels)
        rows = deltas[torch.arange(len(deltas), device=deltas.device), channel]
        return in_units_of(self.student.head(stage), head, rows)

    def _missing_boxes(self) -> Unavailable | None:
        heads = [stages.heads() for stages in (self.student, self.teacher)]
        return why_no_logits(*heads) or why_no_deltas(*heads)

    def _missing_masks(self) -> Unavailable | None:
        models = [stages.model.roi_head for stages in (self.student, self.teacher)]
        missing = missing_module(self.student, self.teacher, 'mask_head')
        return missing or why_no_masks(*models)


def missing_module(
    student: Stages, teacher: Stages, module: str, inner: str = ''
) -> Unavailable | None:
    """Why a module of the RoI head is not in both, if it is not."""
    return Unavailable.where_lacking(
        inner or module,
        student=not student.has(module, inner),
        teacher=not teacher.has(module, inner),
    )
