"""What two RoI heads can be compared by: the parts and their options."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from ckd_mm.adapters.box_deltas import in_units_of, why_no_deltas
from ckd_mm.adapters.comparison import Comparison, Missing, Part, Side, Step
from ckd_mm.adapters.mask_rois import MaskRoIs
from ckd_mm.adapters.proposed_rois import ProposedRoIs
from ckd_mm.adapters.roi_heads import why_no_logits, why_no_masks
from ckd_mm.adapters.roi_sides import Place, Take, sides
from ckd_mm.adapters.sampled_rois import SampledRoIs
from ckd_mm.adapters.stages import Passes, Stages, choose_passes
from ckd_mm.losses._checks import non_negative

__all__ = ['RoIParts']


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
            'roi_logits': self._missing_logits() or self.roi_logits,
            'embedding': (
                self._missing('bbox_head', 'fc_cls')
                or self._missing_logits()
                or self.embedding
            ),
            'mask_logits': self._missing_masks() or self.mask_logits,
            'roi_boxes': self._missing_boxes() or self.roi_boxes,
        }

    def roi_logits(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        background_ratio: float | None = None,
        rois: str = 'sampled',
        num_rois: int | None = None,
    ) -> Comparison:
        """Class logits of the RoIs that the student's sampler drew, (R, C + 1).

        `rois`: 'sampled' (the authors'), or for an extra pass of both heads the
        'proposals' of the student's RPN or those of the 'teacher', of each image the
        `num_rois` (`None`: 512) of the highest score. These have no assigned class.

        `background_ratio`: how many background RoIs are compared for each that is
        assigned to an object, at most; 0 leaves the objects alone, `None` takes all as
        the sampler drew them, which is what the authors of CKD do. COCO's samplers draw
        at least three background RoIs for each of an object; many of them look alike.
        """
        return self._of_rois(
            choose_passes(self.student, self.teacher, student_stage, teacher_stage),
            ('bbox_head', '', 'output'),
            lambda output, step, own, head: output[0],
            background_ratio,
            ProposedRoIs.chosen(rois, num_rois, self.student, self.teacher),
            num_classes=True,
        )

    def embedding(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        background_ratio: float | None = None,
        rois: str = 'sampled',
        num_rois: int | None = None,
    ) -> Comparison:
        """What the last layer of the box head makes these logits of, (R, D)."""
        return self._of_rois(
            choose_passes(self.student, self.teacher, student_stage, teacher_stage),
            ('bbox_head', 'fc_cls', 'input'),
            lambda arguments, step, own, head: arguments[0],
            background_ratio,
            ProposedRoIs.chosen(rois, num_rois, self.student, self.teacher),
        )

    def mask_logits(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
    ) -> Comparison:
        """The masks of the RoIs of objects, in the channels of their classes."""
        passes = choose_passes(
            self.student, self.teacher, student_stage, teacher_stage, 'mask'
        )
        rois = MaskRoIs(self.student, passes.own)
        student, teacher = sides(
            self.student, self.teacher, passes, ('mask_head', '', 'output'), self._mask
        )
        return Comparison(student, teacher, extras=rois.extras(), needs=rois.taps)

    def roi_boxes(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
    ) -> Comparison:
        """Box deltas of each RoI of an object, those of its class: (P, 4).

        They are in the units that the student's head is trained in. A teacher's head
        may divide by other standard deviations, as each stage of a cascade does; its
        deltas are converted. `box_target` has the deltas of the ground truth.
        """
        passes = choose_passes(self.student, self.teacher, student_stage, teacher_stage)
        sampled = SampledRoIs(self.student, passes.own)
        student, teacher = sides(
            self.student, self.teacher, passes, ('bbox_head', '', 'output'), self._box
        )
        extras = {**sampled.object_extras(), 'box_target': sampled.box_target()}
        return Comparison(student, teacher, extras=extras, needs=sampled.taps)

    def _of_rois(
        self,
        passes: Passes,
        place: Place,
        take: Take,
        background_ratio: float | None,
        proposed: ProposedRoIs | None,
        num_classes: bool = False,
    ) -> Comparison:
        student, teacher = sides(
            self.student, self.teacher, passes, place, take, num_classes, proposed
        )
        ratio = (
            None
            if background_ratio is None
            else non_negative('background_ratio', background_ratio)
        )
        if proposed is not None:
            return _of_proposed(student, teacher, proposed, ratio)
        sampled = SampledRoIs(self.student, passes.own)
        if ratio is None:
            return Comparison(student, teacher, extras=sampled.extras())
        return Comparison(
            student,
            teacher,
            extras=sampled.extras(),
            choose=partial(sampled.rows, ratio),
            needs=sampled.taps,
        )

    def _mask(self, masks: Tensor, step: Step, own: int, head: Any) -> Tensor:
        """Of (P, C, H, W), or (P, 1, H, W) if class-agnostic, the rows (P, H * W)."""
        labels = MaskRoIs(self.student, [own]).labels(step)
        channel = labels if masks.shape[1] > 1 else torch.zeros_like(labels)
        return masks[torch.arange(len(masks), device=masks.device), channel].flatten(1)

    def _box(self, output: Any, step: Step, own: int, head: Any) -> Tensor:
        """Of (R, 4 * C), or (R, 4) if class-agnostic, the rows (P, 4)."""
        sampled = SampledRoIs(self.student, [own])
        labels = sampled.object_labels(step)
        deltas = output[1].unflatten(1, (-1, 4))[sampled.objects(step)]
        channel = labels if deltas.shape[1] > 1 else torch.zeros_like(labels)
        rows = deltas[torch.arange(len(deltas), device=deltas.device), channel]
        return in_units_of(self.student.head(own), head, rows)

    def _missing_logits(self) -> Missing | None:
        return why_no_logits(*self._box_heads())

    def _missing_boxes(self) -> Missing | None:
        return self._missing_logits() or why_no_deltas(*self._box_heads())

    def _missing_masks(self) -> Missing | None:
        return self._missing('mask_head') or why_no_masks(
            self.student.model.roi_head, self.teacher.model.roi_head
        )

    def _box_heads(self) -> list[list[Any]]:
        return [
            [stages.head(number) for number in range(stages.number)]
            for stages in (self.student, self.teacher)
        ]

    def _missing(self, module: str, inner: str = '') -> Missing | None:
        lacking = [
            f'the {whose} has none'
            for whose in ('student', 'teacher')
            if not getattr(self, whose).has(module, inner)
        ]
        return Missing(' and '.join(lacking)) if lacking else None


def _of_proposed(
    student: Side, teacher: Side, proposed: ProposedRoIs, ratio: float | None
) -> Comparison:
    reason = (
        f'the RoIs of rois={proposed.rois!r} are not assigned to objects, so that none '
        "has a class; those of rois='sampled' are"
    )
    if ratio is not None:
        raise ValueError(f'background_ratio={ratio!r} needs classes, and {reason}')
    return Comparison(
        student,
        teacher,
        extras=proposed.extras(),
        without={'target': reason},
        needs=proposed.taps,
        by_teacher=proposed.rois == 'teacher',
    )
