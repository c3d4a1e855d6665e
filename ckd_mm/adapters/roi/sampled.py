"""What the student's sampler drew in one step, read from what was noted.

Shape suffixes: R sampled RoIs, P those assigned to an object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ckd_mm.adapters.core.batch_checks import check_number
from ckd_mm.adapters.core.pair_spec import Context
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.roi.stages import Stages
from ckd_mm.functional._boxes import overlaps

__all__ = ['SampledRoIs', 'best_ious']


class SampledRoIs:
    """The RoIs of some stages of the student, one stage after the other.

    Args:
        stages: The student's.
        which: The numbers of the stages.
    """

    def __init__(self, stages: Stages, which: Sequence[int]) -> None:
        self.num_classes = stages.head(which[0]).num_classes
        self._boxes = self._taps(stages, which, 'bbox_roi_extractor')
        self._labels = self._taps(stages, which, 'bbox_head', 'loss_cls')
        has_deltas = all(_has_deltas(stages.head(one)) for one in which)
        self._deltas = (
            self._taps(stages, which, 'bbox_head', 'loss_bbox') if has_deltas else ()
        )
        self.taps = (*self._boxes, *self._labels, *self._deltas)

    def context(self) -> dict[str, Context]:
        """What a loss of all rows can ask for."""
        return {
            'target': Context(self.labels, self._labels),
            'assigned_class': Context(self.labels, self._labels),
            'image_index': Context(self.image_index, self._boxes),
            'rois': Context(self.boxes, self._boxes),
            'ious': Context(self.ious, self._boxes, of_labels=True),
        }

    def object_context(self) -> dict[str, Context]:
        """The same for rows of the RoIs that are assigned to an object."""

        def of_objects(read: Callable[[Step], Tensor]) -> Context:
            return Context(lambda step: read(step)[self.objects(step)], self.taps)

        return {
            'target': of_objects(self.labels),
            'assigned_class': of_objects(self.labels),
            'image_index': of_objects(self.image_index),
            'rois': of_objects(self.boxes),
            'ious': of_objects(self.ious),
        }

    def box_target(self) -> Context:
        """The deltas (P, 4) from the RoIs of objects to their ground truth."""
        return Context(self._box_targets, self._deltas)

    def boxes(self, step: Step) -> Tensor:
        """RoIs (R, 5): image index, x1, y1, x2, y2."""
        calls = [step.noted(tap) for tap in self._boxes]
        # A mask head that shares the extractor runs it again, after the box head.
        return _joined(
            [call[0][1] for call in calls if call], step.inputs.new_zeros(0, 5)
        )

    def ious(self, step: Step) -> Tensor:
        """The largest IoU of each RoI (R,) with the ground truth of its image."""
        return best_ious(
            self.boxes(step),
            [sample.gt_instances.bboxes for sample in step.data_samples],
        )

    def check_images(self, step: Step, features: Sequence[Tensor]) -> None:
        """Check that the RoIs are of images that the teacher has seen.

        Args:
            step: The student's step.
            features: The teacher's feature maps, by level.

        Raises:
            ValueError: The batches differ.
        """
        for tap in self._boxes:
            for maps, *_ in step.noted(tap):
                check_number(maps, features)

    def image_index(self, step: Step) -> Tensor:
        """The image of each RoI (R,)."""
        return self.boxes(step)[:, 0].long()

    def labels(self, step: Step) -> Tensor:
        """Class indices (R,) that the student's assigner gave; background is last."""
        # MMDetection leaves the loss out of a step without a single RoI
        empty = step.inputs.new_zeros(0, dtype=torch.long)
        calls = [step.noted(tap) for tap in self._labels]
        # The last call counts. PISA calls the loss before, to weigh RoIs of objects.
        return _joined([call[-1][1] for call in calls if call], empty)

    def is_background(self, step: Step) -> Tensor:
        """1 for RoIs (R,) that no object is assigned to, else 0."""
        return (self.labels(step) >= self.num_classes).long()

    def objects(self, step: Step) -> Tensor:
        """Indices (P,) of the RoIs assigned to an object, as a mask head gets them."""
        return self._objects_first(step)[: self._num_objects(step)]

    def object_labels(self, step: Step) -> Tensor:
        """The classes (P,) of the RoIs that are assigned to an object."""
        return self.labels(step)[self.objects(step)]

    def object_boxes(self, step: Step) -> Tensor:
        """These RoIs (P, 5), in the order in which a mask head is trained on them."""
        return self.boxes(step)[self.objects(step)]

    def choose(
        self, ratio: float, student: list[Any], teacher: list[Any], step: Step
    ) -> tuple[Tensor, Tensor]:
        """All rows of objects, and `ratio` times as many of background.

        The rows of background are spread evenly over all background RoIs. Nothing is
        random, so the student's random numbers stay those of a stock run.
        """
        order, num_objects = self._objects_first(step), self._num_objects(step)
        objects, background = order[:num_objects], order[num_objects:]
        number = min(int(ratio * num_objects), len(background))
        spread = torch.linspace(
            0, len(background) - 1, number, device=background.device
        ).long()
        rows = torch.cat([objects, background[spread]]).sort().values
        return rows, rows

    def _objects_first(self, step: Step) -> Tensor:
        """The indices (R,) of all RoIs, those with an object first, else in order."""
        has_none = self.labels(step) >= self.num_classes
        return has_none.int().argsort(stable=True)

    def _num_objects(self, step: Step) -> int:
        """P: the number of RoIs in the student's loss of box deltas.

        Counting the labels would wait for the device. Only heads with another loss of
        boxes, such as SABL's, need it.
        """
        if self._deltas:
            return len(self._box_targets(step))
        return int((self.labels(step) < self.num_classes).sum())

    def _box_targets(self, step: Step) -> Tensor:
        calls = [step.noted(tap) for tap in self._deltas]
        empty = step.inputs.new_zeros(0, 4)  # the loss is left out without an object
        return _joined([call[0][1] for call in calls if call], empty)

    @staticmethod
    def _taps(stages: Stages, which: Sequence[int], *names: str) -> tuple[Tap, ...]:
        module, *inner = names
        return tuple(Tap(stages.name(module, one, *inner), 'input') for one in which)


def best_ious(rois_R5: Tensor, boxes: Sequence[Tensor]) -> Tensor:
    """The largest IoU of each RoI (R,) with a box of its image; 0 where it has none.

    Args:
        rois_R5: Image index, x1, y1, x2, y2.
        boxes: The boxes (G, 4) of each image.
    """
    index_R, rois_R4 = rois_R5[:, 0], rois_R5[:, 1:].float()
    found = rois_R4.new_zeros(len(rois_R4))
    for number, boxes_G4 in enumerate(boxes):
        if len(boxes_G4):
            best_R = overlaps(rois_R4, boxes_G4.float()).amax(dim=1)
            found = torch.where(index_R == number, best_R, found)
    return found


def _has_deltas(head: Any) -> bool:
    """Whether the head takes one loss of the box deltas of objects."""
    return getattr(head, 'with_reg', True) and hasattr(head, 'loss_bbox')


def _joined(parts: list[Tensor], empty: Tensor) -> Tensor:
    if len(parts) == 1:
        return parts[0]
    return torch.cat([*parts, empty])
