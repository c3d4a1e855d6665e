"""What runs in a step of two-stage detectors: the teacher's heads on RoIs.

The student's own step samples RoIs and scores them. The teacher's heads then see the
same RoIs on the teacher's feature maps. Both models run once more for RoIs that the
student's step has not seen (`rois='proposals'` and `'teacher'`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.batch_checks import check_number
from ckd_mm.adapters.core.passes import FeatureMaps, Made, Pass
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.dense.head import DenseHead
from ckd_mm.adapters.roi.masks import MaskRoIs
from ckd_mm.adapters.roi.proposed import ProposedRoIs, without_traces
from ckd_mm.adapters.roi.rpn import run_rpn
from ckd_mm.adapters.roi.sampled import SampledRoIs
from ckd_mm.adapters.roi.stages import Stages, for_roi_align

__all__ = [
    'HeadsBeside',
    'ProposedInStudent',
    'ProposedInTeacher',
    'RoIFeatures',
    'RoIHeads',
    'RPNHead',
    'SemanticHead',
]


@dataclass(frozen=True)
class RPNHead(Pass):
    """The teacher's RPN."""

    model: BaseModel = field(compare=False, repr=False)

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (FeatureMaps(self.model),)

    @property
    def without_labels(self) -> tuple[str, ...]:
        return ('rpn_head',) if DenseHead.fits(self.model, 'rpn_head') else ()

    def calls(self, tap: Tap) -> bool:
        return tap not in DenseHead(self.model, 'rpn_head').label_taps()

    def run(self, images: Tensor, step: Step, made: Made) -> Any:
        return run_rpn(self.model, made[FeatureMaps(self.model)], step.data_samples)


@dataclass(frozen=True)
class SemanticHead(Pass):
    """The teacher's semantic head, of a detector such as Panoptic FPN."""

    model: BaseModel = field(compare=False, repr=False)

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (FeatureMaps(self.model),)

    def run(self, images: Tensor, step: Step, made: Made) -> Any:
        return self.model.semantic_head(made[FeatureMaps(self.model)])


@dataclass(frozen=True)
class RoIFeatures(Pass):
    """The teacher's feature maps, as RoIs are pooled from them."""

    model: BaseModel = field(compare=False, repr=False)

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (FeatureMaps(self.model),)

    def run(self, images: Tensor, step: Step, made: Made) -> tuple[Tensor, ...]:
        return for_roi_align(made[FeatureMaps(self.model)])


@dataclass(frozen=True)
class HeadsBeside(Pass):
    """The heads whose outputs RoIs are pooled from beside feature maps, if any."""

    stages: Stages = field(compare=False, repr=False)

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (FeatureMaps(self.stages.model),)

    def run(self, images: Tensor, step: Step, made: Made) -> dict[str, Tensor]:
        return self.stages.beside(made[FeatureMaps(self.stages.model)])


@dataclass(frozen=True)
class RoIHeads(Pass):
    """A stage of the teacher's heads, on the RoIs of a stage of the student.

    Args:
        kind: Which heads, of boxes or of masks.
        student_stage: The student's stage.
        teacher_stage: The teacher's.
        student: All stages of the student.
        teacher: All of the teacher.
    """

    kind: Literal['bbox', 'mask']
    student_stage: int
    teacher_stage: int
    student: Stages = field(compare=False, repr=False)
    teacher: Stages = field(compare=False, repr=False)
    has_own_taps = True

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (RoIFeatures(self.teacher.model), HeadsBeside(self.teacher))

    @property
    def student_taps(self) -> tuple[Tap, ...]:
        return self._rois.taps

    def run(self, images: Tensor, step: Step, made: Made) -> None:
        features, beside = (made[one] for one in self.needs)
        self._rois.check_images(step, features)
        self.forward(features, beside, step)

    def forward(
        self, features: Sequence[Tensor], beside: Mapping[str, Tensor], step: Step
    ) -> None:
        """Run the heads on the student's RoIs, on some feature maps."""
        rois = self._rois.boxes(step)
        if self.kind == 'mask':
            beside = {**beside, **self.teacher.relayed(features, rois, beside)}
        self.teacher.forward(self.kind, self.teacher_stage, features, rois, beside)

    @property
    def _rois(self) -> SampledRoIs | MaskRoIs:
        kind = MaskRoIs if self.kind == 'mask' else SampledRoIs
        return kind(self.student, [self.student_stage])


@dataclass(frozen=True)
class _Proposals(Pass):
    """The RoIs (R, 5) that an RPN proposes."""

    proposed: ProposedRoIs
    student: Stages = field(compare=False, repr=False)
    teacher: Stages = field(compare=False, repr=False)

    @property
    def needs(self) -> tuple[Pass, ...]:
        by_teacher = self.proposed.rois == 'teacher'
        return (RPNHead(self.teacher.model),) if by_teacher else ()

    @property
    def student_taps(self) -> tuple[Tap, ...]:
        return self.proposed.taps

    def run(self, images: Tensor, step: Step, made: Made) -> Tensor:
        outputs = made.get(RPNHead(self.teacher.model))
        models = self.student.model, self.teacher.model
        return self.proposed.propose(*models, outputs, step)


@dataclass(frozen=True)
class ProposedInTeacher(Pass):
    """A stage of the teacher's box heads, on the RoIs that an RPN proposes."""

    proposed: ProposedRoIs
    stage: int
    student: Stages = field(compare=False, repr=False)
    teacher: Stages = field(compare=False, repr=False)
    has_own_taps = True

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (
            RoIFeatures(self.teacher.model),
            HeadsBeside(self.teacher),
            _Proposals(self.proposed, self.student, self.teacher),
        )

    def run(self, images: Tensor, step: Step, made: Made) -> None:
        features, beside, rois = (made[one] for one in self.needs)
        check_number(self.proposed.features(step), features)
        self.teacher.forward('bbox', self.stage, features, rois, beside)


@dataclass(frozen=True)
class ProposedInStudent(Pass):
    """The student's box head once more, on the RoIs that an RPN proposes.

    The student's proposals are the same for all teachers, so it runs once for them.
    """

    proposed: ProposedRoIs
    student: Stages = field(compare=False, repr=False)
    teacher: Stages = field(compare=False, repr=False)
    chosen_by: int = field(init=False, repr=False)
    has_own_taps = True
    of_student = True

    def __post_init__(self) -> None:
        by_teacher = self.proposed.rois == 'teacher'
        model = self.teacher.model if by_teacher else self.student.model
        object.__setattr__(self, 'chosen_by', id(model))

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (_Proposals(self.proposed, self.student, self.teacher),)

    @property
    def without_labels(self) -> tuple[str, ...]:
        return ('roi_head',)

    def run(self, images: Tensor, step: Step, made: Made) -> None:
        rois = made[self.needs[0]]
        with without_traces(self.student.model.roi_head, rois.device):
            features = self.proposed.features(step)
            self.student.forward('bbox', 0, features, rois, {})
