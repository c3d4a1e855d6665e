"""RoIs that an RPN proposes, instead of those that the student's sampler drew.

Shape suffixes: R RoIs of all images.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Context
from ckd_mm.adapters.core.passes import FeatureMaps
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.core.traces import without_traces
from ckd_mm.adapters.dense.head import DenseHead
from ckd_mm.adapters.roi.stages import Stages
from ckd_mm.checks import one_of, positive_integer

__all__ = ['ProposedRoIs', 'without_traces']

_RPN = Tap('rpn_head')
_EXTRACTOR = 'roi_head.bbox_roi_extractor'


@dataclass(frozen=True)
class ProposedRoIs:
    """The best proposals of each image, which the heads of both models then see.

    Args:
        rois: Whose RPN: 'proposals' is the student's, after the NMS of its training
            step and before its sampler; 'teacher' the teacher's, as in its test.
        number: The maximum number of RoIs per image, those with the best scores.
        maps: Where the student's feature maps are noted, which the RoIs are taken from.
    """

    rois: Literal['proposals', 'teacher']
    number: int = 512
    maps: Tap = Tap('neck')

    @classmethod
    def chosen(
        cls, rois: str, num_rois: int | None, student: Stages, teacher: Stages
    ) -> ProposedRoIs | None:
        """What the options of a part mean; None for the student's sampler.

        Raises:
            ValueError: There is no such option, or these two models lack such RoIs.
        """
        one_of('rois', rois, ('sampled', 'proposals', 'teacher'))
        if num_rois is not None:
            positive_integer('num_rois', num_rois)
        if rois == 'sampled':
            if num_rois is not None:
                raise ValueError(
                    f"num_rois={num_rois} is for rois='proposals' or 'teacher'; leave "
                    "it out, the student's sampler has its own number (sampler.num)"
                )
            return None
        _check_models(rois, student, teacher)
        return cls(
            rois,  # type: ignore[arg-type]
            cls.number if num_rois is None else num_rois,
            FeatureMaps(student.model).tap,
        )

    @property
    def taps(self) -> tuple[Tap, ...]:
        """What is read of the student's own step for them."""
        rpn = (_RPN,) if self.rois == 'proposals' else ()
        return (*rpn, self.maps)

    def propose(
        self, student: BaseModel, teacher: BaseModel, teacher_rpn: Any, step: Step
    ) -> Tensor:
        """The RoIs (R, 5): image index, x1, y1, x2, y2.

        The student's RoIs are decoded a second time, with NMS and without gradient,
        from what its RPN returned. No module of its step gets or returns them.

        Args:
            student: The student.
            teacher: The teacher.
            teacher_rpn: What its RPN returned in this step.
            step: The student's step.
        """
        if self.rois == 'teacher':
            return self._best(teacher.rpn_head, teacher_rpn, None, step)
        config = student.train_cfg.get('rpn_proposal', student.test_cfg.rpn)
        return self._best(student.rpn_head, step.noted(_RPN)[0], config, step)

    def features(self, step: Step) -> Any:
        """The feature maps that the student takes its own RoIs from."""
        return step.noted(self.maps)[0]

    def context(self, run: Hashable) -> dict[str, Context]:
        """What a loss can ask for.

        Args:
            run: The run of the student's heads on these RoIs.
        """
        tap = Tap(_EXTRACTOR, 'input', run)

        def boxes(step: Step) -> Tensor:
            return step.noted(tap)[0][1]

        return {
            'image_index': Context(lambda step: boxes(step)[:, 0].long(), (tap,)),
            'rois': Context(boxes, (tap,)),
        }

    def _best(self, rpn_head: Any, outputs: Any, config: Any, step: Step) -> Tensor:
        from mmdet.structures.bbox import bbox2roi

        # In half precision boxes would lie on a grid of a pixel from 1024 on.
        maps = [[level.float() for level in levels] for levels in outputs]
        metas = [sample.metainfo for sample in step.data_samples]
        found = rpn_head.predict_by_feat(*maps, batch_img_metas=metas, cfg=config)
        return bbox2roi([image.bboxes[: self.number] for image in found])


def _check_models(rois: str, student: Stages, teacher: Stages) -> None:
    whose, stages = (
        ('student', student) if rois == 'proposals' else ('teacher', teacher)
    )
    if not DenseHead.fits(stages.model, 'rpn_head'):
        raise ValueError(
            f'rois={rois!r} needs a plain RPN, which the {whose} lacks; leave '
            "rois='sampled'"
        )
    if student.is_cascade:
        raise ValueError(
            f'rois={rois!r} is not for a student with a cascade, whose later stages '
            "are trained on refined boxes; leave rois='sampled'"
        )
