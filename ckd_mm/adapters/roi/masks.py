"""The RoIs that the student's mask heads are trained on, read from what was noted.

Shape suffixes: P RoIs assigned to an object.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ckd_mm.adapters.core.batch_checks import check_number
from ckd_mm.adapters.core.pair_spec import Context
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.roi.sampled import SampledRoIs
from ckd_mm.adapters.roi.stages import Stages

__all__ = ['MaskRoIs']


class MaskRoIs:
    """The mask RoIs of some stages of the student, one stage after the other.

    They are the RoIs of the box head that are assigned to an object. HTC is different:
    each stage draws RoIs again for the masks, from the boxes that it has just refined.

    Args:
        stages: The student's.
        which: The numbers of the stages.
    """

    def __init__(self, stages: Stages, which: Sequence[int]) -> None:
        self._drawn_again = stages.resamples_for_masks
        self._sampled = SampledRoIs(stages, which)
        self._boxes, self._labels = (
            tuple(Tap(stages.name(module, one, inner), 'input') for one in which)
            for module, inner in (
                ('mask_roi_extractor', ''),
                ('mask_head', 'loss_mask'),
            )
        )
        drawn = (*self._boxes, *self._labels)
        self.taps = drawn if self._drawn_again else self._sampled.taps

    def context(self) -> dict[str, Context]:
        """What a loss of their rows can ask for."""
        if not self._drawn_again:
            return self._sampled.object_context()
        return {
            'target': Context(self.labels, self._labels),
            'image_index': Context(
                lambda step: self.boxes(step)[:, 0].long(), self._boxes
            ),
            'rois': Context(self.boxes, self._boxes),
        }

    def boxes(self, step: Step) -> Tensor:
        """RoIs (P, 5): image index, x1, y1, x2, y2."""
        if not self._drawn_again:
            return self._sampled.object_boxes(step)
        calls = [call for tap in self._boxes for call in step.noted(tap)]
        return torch.cat([rois for _, rois, *_ in calls])

    def check_images(self, step: Step, features: Sequence[Tensor]) -> None:
        """See :meth:`SampledRoIs.check_images`."""
        if not self._drawn_again:
            self._sampled.check_images(step, features)
            return
        for tap in self._boxes:
            for maps, *_ in step.noted(tap):
                check_number(maps, features)

    def labels(self, step: Step) -> Tensor:
        """The classes (P,) of their objects."""
        if not self._drawn_again:
            return self._sampled.object_labels(step)
        # MMDetection leaves the loss out of a stage without an object.
        calls = [call for tap in self._labels for call in step.noted(tap)]
        empty = step.inputs.new_zeros(0, dtype=torch.long)
        return torch.cat([labels for _, _, labels, *_ in calls] or [empty])
