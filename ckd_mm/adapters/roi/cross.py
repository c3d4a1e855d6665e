"""The student's feature maps through the teacher's RoI heads.

The teacher's heads see the student's RoIs twice: on the teacher's feature maps, as for
the other parts, and on the student's. The second run has gradient, which passes through
the frozen heads into the student's neck and backbone. The student's own heads take no
part. The idea of going through the teacher's head is CrossKD's, arXiv:2306.11369.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.pair_spec import PairSpec, Part, Unavailable
from ckd_mm.adapters.core.passes import Made, Pass
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.roi.heads import why_no_logits
from ckd_mm.adapters.roi.objects import ObjectParts
from ckd_mm.adapters.roi.parts import RoIParts
from ckd_mm.adapters.roi.passes import HeadsBeside, RoIHeads
from ckd_mm.adapters.roi.stages import Stages, for_roi_align

__all__ = ['CrossParts']


@dataclass(frozen=True)
class HeadsOnStudent(Pass):
    """The teacher's heads once more, on the student's feature maps.

    Args:
        heads: Their run on the teacher's own maps.
    """

    heads: RoIHeads
    has_own_taps = True
    crosses = True

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (HeadsBeside(self.heads.teacher),)

    @property
    def student_taps(self) -> tuple[Tap, ...]:
        return (*self.heads.student_taps, self._maps)

    def run(self, images: Tensor, step: Step, made: Made) -> None:
        features = for_roi_align(step.noted(self._maps)[0][0])
        self.heads.forward(features, made[self.needs[0]], step)

    @property
    def _maps(self) -> Tap:
        """Of the first stage of a cascade, which runs in every step."""
        return Tap(self.heads.student.name('bbox_roi_extractor', 0), 'input')


class CrossParts:
    """The parts of two models whose RoIs come from the same levels of feature maps.

    They are those of the same name without `cross_`, and the loss gets the same context
    with them. Both values are what the teacher's heads return.

    Args:
        student: The student's stages.
        teacher: The teacher's.
        names: The names of their classes.
    """

    def __init__(
        self, student: Stages, teacher: Stages, names: ClassNames | None = None
    ) -> None:
        self.student, self.teacher = student, teacher
        self._rois = RoIParts(student, teacher, names)
        self._objects = ObjectParts(student, teacher, names)

    def parts(self) -> dict[str, Part]:
        """The parts by name, or why there is none."""
        known = {**self._rois.parts(), **self._objects.parts()}
        crossed = {
            'roi_logits': self.roi_logits,
            'roi_boxes': self.roi_boxes,
            'mask_logits': self.mask_logits,
        }
        missing = self._missing()
        return {
            f'cross_{name}': missing or _reason(known[name]) or part
            for name, part in crossed.items()
        }

    def roi_logits(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        background_ratio: float | None = None,
        activation: str | None = None,
    ) -> PairSpec:
        """Class logits (R, C + 1), see :meth:`RoIParts.roi_logits`."""
        return _crossed(
            self._rois.roi_logits(
                student_stage,
                teacher_stage,
                background_ratio=background_ratio,
                activation=activation,
            )
        )

    def roi_boxes(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
    ) -> PairSpec:
        """Box deltas (P, 4), see :meth:`ObjectParts.roi_boxes`."""
        return _crossed(self._objects.roi_boxes(student_stage, teacher_stage))

    def mask_logits(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        activation: str | None = None,
    ) -> PairSpec:
        """Masks (P, H * W), see :meth:`ObjectParts.mask_logits`."""
        return _crossed(
            self._objects.mask_logits(student_stage, teacher_stage, activation)
        )

    def _missing(self) -> Unavailable | None:
        """Why the student's maps do not suit the teacher's heads, if so."""
        heads = self.student.heads(), self.teacher.heads()
        student, teacher = (
            one.module('bbox_roi_extractor', 0) for one in (self.student, self.teacher)
        )
        for what, words in _OF_MAPS.items():
            given, needed = (getattr(one, what, None) for one in (student, teacher))
            if given != needed or needed is None:
                return Unavailable(
                    f"the teacher's heads see the student's feature maps, so {words} "
                    f'must be the same, but the student has {given} and the teacher '
                    f'{needed}; compare the heads of both, with the part without cross_'
                )
        return why_no_logits(*heads)


_OF_MAPS = {
    'out_channels': 'the channels that RoIs are pooled from',
    'featmap_strides': 'the strides of the levels that RoIs are pooled from',
}


def _reason(part: Part) -> Unavailable | None:
    return part if isinstance(part, Unavailable) else None


def _crossed(spec: PairSpec) -> PairSpec:
    """The student's value becomes what the teacher's heads make of its maps."""
    taps = []
    for tap in spec.teacher.taps:
        assert isinstance(tap.run, RoIHeads)
        taps.append(replace(tap, run=HeadsOnStudent(tap.run)))
    student = replace(spec.teacher, taps=tuple(taps))
    return replace(spec, student=student, crossed=True)
