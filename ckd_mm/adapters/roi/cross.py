"""The student's feature maps through the teacher's RoI heads.

The teacher's heads see the student's RoIs twice: on the teacher's feature maps, as for
the other parts, and on the student's. The second run has gradient, which passes through
the frozen heads into the student's neck and backbone. The student's own heads take no
part. The idea of going through the teacher's head is CrossKD's, arXiv:2306.11369.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.map_connector import Connector, connector_of
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
class StudentMaps(Pass):
    """The student's feature maps, as the teacher's RoIs are pooled from them.

    Args:
        student: The student's stages.
        connector: What the maps go through first, if anything.
    """

    student: Stages = field(compare=False, repr=False)
    connector: nn.Module | None = field(default=None, repr=False)
    crosses = True

    @property
    def student_taps(self) -> tuple[Tap, ...]:
        # of the first stage of a cascade, which runs in every step
        return (Tap(self.student.name('bbox_roi_extractor', 0), 'input'),)

    def run(self, images: Tensor, step: Step, made: Made) -> tuple[Tensor, ...]:
        maps = step.noted(self.student_taps[0])[0][0]
        if self.connector is not None:
            (maps,) = self.connector([maps])
        return for_roi_align(maps)


@dataclass(frozen=True)
class HeadsOnStudent(Pass):
    """The teacher's heads once more, on the student's feature maps.

    Args:
        heads: Their run on the teacher's own maps.
        connector: What the student's maps go through first, if anything.
    """

    heads: RoIHeads
    connector: nn.Module | None = field(default=None, repr=False)
    has_own_taps = True
    crosses = True

    @property
    def needs(self) -> tuple[Pass, ...]:
        maps = StudentMaps(self.heads.student, self.connector)
        return (maps, HeadsBeside(self.heads.teacher))

    @property
    def student_taps(self) -> tuple[Tap, ...]:
        return self.heads.student_taps

    def run(self, images: Tensor, step: Step, made: Made) -> None:
        maps, beside = (made[one] for one in self.needs)
        self.heads.forward(maps, beside, step)


class CrossParts:
    """The parts of two models whose RoIs come from the same levels of feature maps.

    They are those of the same name without `cross_`, and the loss gets the same context
    with them. Both values are what the teacher's heads return.

    With `connector=True` the maps go through a trained 1 x 1 convolution first, one for
    all levels, so that they may be of another width than the teacher's.

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
        crossed: dict[str, Part] = {
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
        connector: Connector = False,
    ) -> PairSpec:
        """Class logits (R, C + 1), see :meth:`RoIParts.roi_logits`."""
        spec = self._rois.roi_logits(
            student_stage,
            teacher_stage,
            background_ratio=background_ratio,
            activation=activation,
        )
        return _crossed(spec, self._connector(connector))

    def roi_boxes(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        connector: Connector = False,
    ) -> PairSpec:
        """Box deltas (P, 4), see :meth:`ObjectParts.roi_boxes`."""
        spec = self._objects.roi_boxes(student_stage, teacher_stage)
        return _crossed(spec, self._connector(connector))

    def mask_logits(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        activation: str | None = None,
        connector: Connector = False,
    ) -> PairSpec:
        """Masks (P, H * W), see :meth:`ObjectParts.mask_logits`."""
        spec = self._objects.mask_logits(student_stage, teacher_stage, activation)
        return _crossed(spec, self._connector(connector))

    def _connector(self, option: Connector) -> nn.Module | None:
        """What brings the student's maps to the teacher's width.

        Raises:
            ValueError: One is needed.
        """
        widths = self._of_maps('out_channels')
        connector = connector_of(option, [widths])
        if connector is None and widths[0] != widths[1]:
            raise ValueError(
                "the teacher's heads see the student's feature maps, which have "
                f"{widths[0]} channels, and the teacher's {widths[1]}; set connector="
                'True, which trains a 1 x 1 convolution between them (on=dict(part='
                "'cross_...', connector=True)), or compare the heads of both, with the "
                'part without cross_'
            )
        return connector

    def _of_maps(self, what: str) -> tuple[Any, Any]:
        """What the RoI extractors of both say of the maps that they pool from."""
        student, teacher = (
            getattr(one.module('bbox_roi_extractor', 0), what, None)
            for one in (self.student, self.teacher)
        )
        return student, teacher

    def _missing(self) -> Unavailable | None:
        """Why the student's maps do not suit the teacher's heads, if so."""
        heads = self.student.heads(), self.teacher.heads()
        given, needed = self._of_maps('featmap_strides')
        if given != needed or needed is None:
            return Unavailable(
                "the teacher's heads see the student's feature maps, so the strides "
                'of the levels that RoIs are pooled from must be the same, but the '
                f'student has {given} and the teacher {needed}; compare the heads of '
                'both, with the part without cross_'
            )
        if None in self._of_maps('out_channels'):
            return Unavailable(
                'the RoI extractor of the student or of the teacher does not say how '
                'many channels it pools from (out_channels); compare the heads of '
                'both, with the part without cross_'
            )
        return why_no_logits(*heads)


def _reason(part: Part) -> Unavailable | None:
    return part if isinstance(part, Unavailable) else None


def _crossed(spec: PairSpec, connector: nn.Module | None) -> PairSpec:
    """The student's value becomes what the teacher's heads make of its maps."""
    taps = []
    for tap in spec.teacher.taps:
        assert isinstance(tap.run, RoIHeads)
        taps.append(replace(tap, run=HeadsOnStudent(tap.run, connector)))
    student = replace(spec.teacher, taps=tuple(taps))
    return replace(spec, student=student, crossed=True, connector=connector)
