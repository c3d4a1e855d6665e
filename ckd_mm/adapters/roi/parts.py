"""What two RoI heads can be compared by: the parts and their options."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from ckd_mm.adapters.core.class_logits import Columns
from ckd_mm.adapters.core.class_match import ClassSubset
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.pair_spec import Context, PairSpec, Part, Readout, Unavailable
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.roi.heads import why_no_logits
from ckd_mm.adapters.roi.instances import InstanceParts, has_instances
from ckd_mm.adapters.roi.logits import (
    class_rows,
    objectness_rows,
    roi_class_logits,
    why_unknown,
)
from ckd_mm.adapters.roi.objects import ObjectParts, missing_module
from ckd_mm.adapters.roi.passes import ProposedInStudent
from ckd_mm.adapters.roi.proposed import ProposedRoIs
from ckd_mm.adapters.roi.readouts import HeadTap, ReadRows, readouts
from ckd_mm.adapters.roi.sampled import SampledRoIs
from ckd_mm.adapters.roi.stages import StageMap, Stages, choose_stages
from ckd_mm.checks import non_negative

__all__ = ['RoIParts']

_OF_IMAGES = ('boxes', 'image_size', 'image_shapes', 'anchors')
_NO_IMAGES = (
    'the maps are of RoIs rather than of images; a loss that leaves out the padding of '
    'images takes ignore_padding=False here'
)


class RoIParts:
    """The parts of two models that both have RoI heads.

    In all of them the option `student_stage` chooses one stage of a cascade, whose RoIs
    are compared (`None`: those of all stages, one after the other). `teacher_stage`
    chooses the stage of a teacher with a cascade that sees them: see
    :func:`ckd_mm.adapters.roi.stages.choose_stages`.

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
        missing = why_no_logits(*(one.heads() for one in (self.student, self.teacher)))
        no_layer = missing_module(self.student, self.teacher, 'bbox_head', 'fc_cls')
        logits: Part = missing or self._missing_columns() or self.roi_logits
        if has_instances(self.student) and has_instances(self.teacher):
            logits = InstanceParts(self.student, self.teacher, self.names).roi_logits
        return {
            'roi_logits': logits,
            'roi_objectness': self._missing_objectness() or self.roi_objectness,
            'embedding': missing or no_layer or self.embedding,
            'roi_features': missing or self.roi_features,
            **ObjectParts(self.student, self.teacher, self.names).parts(),
        }

    def roi_logits(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        background_ratio: float | None = None,
        rois: str = 'sampled',
        num_rois: int | None = None,
        activation: str | None = None,
    ) -> PairSpec:
        """Class logits of the RoIs that the student's sampler drew, (R, C + 1).

        `rois`: 'sampled' (as the authors do), the 'proposals' of the student's RPN, or
        those of the 'teacher'. Proposals need an extra pass of both heads. They are the
        `num_rois` (`None`: 512) of the highest score of each image, and have no
        assigned class.

        `background_ratio`: the maximum number of background RoIs for each RoI that is
        assigned to an object. 0 takes the objects alone. `None` takes all that the
        sampler drew, as the authors of CKD do. COCO's samplers draw at least three
        background RoIs for each of an object, and many of them look alike. Heads with
        the Seesaw loss have classes of objects alone, so only RoIs of objects are
        compared.

        `activation`: see :class:`ckd_mm.adapters.core.class_logits.Columns`.
        """
        stage_map = self._stage_map(student_stage, teacher_stage)
        columns = self._columns(stage_map, activation)
        if columns.logits.has_objectness and rois == 'sampled':
            if background_ratio is not None:
                raise ValueError(
                    f'background_ratio={background_ratio!r} is not for heads with the '
                    'Seesaw loss, whose class logits are those of objects; '
                    "on='roi_objectness' compares what they say of background"
                )
            background_ratio = 0.0
        spec = self._of_rois(
            stage_map,
            HeadTap('bbox_head'),
            _class_rows,
            background_ratio,
            ProposedRoIs.chosen(rois, num_rois, self.student, self.teacher),
        )
        return replace(spec, match=columns.match, columns=columns)

    def roi_objectness(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        background_ratio: float | None = None,
    ) -> PairSpec:
        """Object or background (R, 2), of heads with the Seesaw loss.

        `target` is 0 for RoIs that are assigned to an object, else 1.
        """
        stage_map = self._stage_map(student_stage, teacher_stage)
        match = self._columns(stage_map).match
        spec = self._of_rois(
            stage_map,
            HeadTap('bbox_head'),
            partial(_objectness_rows, match.student),
            background_ratio,
            None,
            partial(_objectness_rows, match.teacher),
        )
        sampled = SampledRoIs(self.student, stage_map.student)
        target = Context(sampled.is_background, spec.context['target'].taps)
        context = {**spec.context, 'target': target}
        return replace(spec, match=match, context=context)

    def embedding(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        background_ratio: float | None = None,
        rois: str = 'sampled',
        num_rois: int | None = None,
    ) -> PairSpec:
        """What the last layer of the box head gets to make these logits, (R, D)."""
        return self._of_rois(
            self._stage_map(student_stage, teacher_stage),
            HeadTap('bbox_head', 'fc_cls', 'input'),
            _received,
            background_ratio,
            ProposedRoIs.chosen(rois, num_rois, self.student, self.teacher),
        )

    def roi_features(
        self,
        student_stage: int | None = None,
        teacher_stage: int | str | None = None,
        background_ratio: float | None = None,
        rois: str = 'sampled',
        num_rois: int | None = None,
    ) -> PairSpec:
        """The pooled feature map of each RoI that the box head gets, (R, C, H, W).

        It is behind what runs between RoI pooling and the head: the shared head of a C4
        detector, the semantic features that HTC adds.
        """
        spec = self._of_rois(
            self._stage_map(student_stage, teacher_stage),
            HeadTap('bbox_head', port='input'),
            _received,
            background_ratio,
            ProposedRoIs.chosen(rois, num_rois, self.student, self.teacher),
        )
        withheld = {**dict.fromkeys(_OF_IMAGES, _NO_IMAGES), **spec.missing_context}
        return replace(spec, missing_context=withheld, gives='maps')

    def _of_rois(
        self,
        stage_map: StageMap,
        tap: HeadTap,
        read_rows: ReadRows,
        background_ratio: float | None,
        proposed: ProposedRoIs | None,
        teacher_rows: ReadRows | None = None,
    ) -> PairSpec:
        both = self.student, self.teacher
        student, teacher = readouts(
            *both, stage_map, tap, read_rows, proposed, teacher_rows
        )
        ratio = (
            None
            if background_ratio is None
            else non_negative('background_ratio', background_ratio)
        )
        if proposed is not None:
            run = ProposedInStudent(proposed, *both)
            return _of_proposed(student, teacher, run, ratio)
        sampled = SampledRoIs(self.student, stage_map.student)
        context = {**sampled.context(), **self._student_embedding(stage_map)}
        if ratio is None:
            return PairSpec(student, teacher, context=context, labels=context['target'])
        return PairSpec(
            student,
            teacher,
            context=context,
            choose=partial(sampled.choose, ratio),
            also_taps=sampled.taps,
            labels=context['target'],
        )

    def _student_embedding(self, stage_map: StageMap) -> dict[str, Context]:
        """What the last layer of the student's box heads gets, (R, D)."""
        tap = HeadTap('bbox_head', 'fc_cls', 'input')
        if not self.student.has('bbox_head', 'fc_cls'):
            return {}
        found, _ = readouts(self.student, self.teacher, stage_map, tap, _received)
        read = partial(_rows_of, found)
        return {'student_embedding': Context(read, found.taps)}

    def _stage_map(
        self, student_stage: int | None, teacher_stage: int | str | None
    ) -> StageMap:
        both = self.student, self.teacher
        return choose_stages(*both, student_stage, teacher_stage)

    def _columns(self, stage_map: StageMap, activation: str | None = None) -> Columns:
        """The columns of class logits of all stages that take part."""
        kinds = {
            (
                roi_class_logits(self.student.head(student_stage)),
                roi_class_logits(self.teacher.head(teacher_stage)),
            ): None
            for student_stage, teacher_stage in stage_map.pairs()
        }
        found = [Columns.of(*kind, self.names, activation) for kind in kinds]
        return found[0]

    def _missing_columns(self) -> Unavailable | None:
        for head in (*self.student.heads(), *self.teacher.heads()):
            if reason := why_unknown(head):
                return Unavailable(reason)
        return None

    def _missing_objectness(self) -> Unavailable | None:
        for whose, stages in (('student', self.student), ('teacher', self.teacher)):
            loss = type(stages.head(0).loss_cls)
            if 'SeesawLoss' not in {cls.__name__ for cls in loss.__mro__}:
                return Unavailable(
                    f'only heads with the Seesaw loss have it, and the {whose} has '
                    f'{loss.__name__}'
                )
        return None


def _class_rows(output: Any, step: Step, stage: int, head: Any) -> Tensor:
    return class_rows(roi_class_logits(head), output[0])


def _objectness_rows(
    common: ClassSubset, output: Any, step: Step, stage: int, head: Any
) -> Tensor:
    return objectness_rows(output[0], common)


def _rows_of(readout: Readout, step: Step) -> Tensor:
    return readout.select(readout.noted(step.student), step)


def _received(arguments: Any, step: Step, stage: int, head: Any) -> Tensor:
    return arguments[0]


def _of_proposed(
    student: Readout, teacher: Readout, run: ProposedInStudent, ratio: float | None
) -> PairSpec:
    proposed = run.proposed
    reason = (
        f'the RoIs of rois={proposed.rois!r} are not assigned to objects, so that none '
        "has a class; those of rois='sampled' are"
    )
    if ratio is not None:
        raise ValueError(f'background_ratio={ratio!r} needs classes, and {reason}')
    return PairSpec(
        student,
        teacher,
        context=proposed.context(run),
        missing_context={'target': reason},
        also_taps=proposed.taps,
        by_teacher=proposed.rois == 'teacher',
    )
