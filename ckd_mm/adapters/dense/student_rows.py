"""What the student's step says of each anchor or point, read from what was noted."""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Context
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.dense.head import DenseHead
from ckd_mm.adapters.dense.priors import num_priors

__all__ = ['StudentRows']


class StudentRows:
    """The context of all rows of a student's dense head.

    Args:
        head: The student's.
    """

    def __init__(self, head: DenseHead) -> None:
        self._head, self._output = head, head.taps[0]
        self._box_loss = Tap(f'{head.path}.loss_bbox', 'input')
        self.labels = Context(self._targets, (self._output, *head.label_taps()))
        """The class that its assigner gave, or background."""
        self.image_index = Context(self._images, (self._output,))
        self.box_target = Context(self._box_targets, (self._output, self._box_loss))
        """The deltas of the ground truth; 0 without an object."""

    def is_assigned(self, step: Step) -> Tensor:
        """Whether its assigner gave each row an object."""
        return self._head.is_object(self._targets(step))

    def is_background(self, step: Step) -> Tensor:
        """1 where it did not, else 0."""
        return (~self.is_assigned(step)).long()

    def _targets(self, step: Step) -> Tensor:
        (outputs,) = step.noted(self._output)
        return self._head.labels(outputs, step).flatten()

    def _box_targets(self, step: Step) -> Tensor:
        (outputs,) = step.noted(self._output)
        num_images = len(self._head.maps(outputs)[0])
        calls = step.noted(self._box_loss)  # one for each level
        levels = [targets.reshape(num_images, -1, 4) for _, targets, *_ in calls]
        return torch.cat(levels, dim=1).flatten(0, 1)

    def _images(self, step: Step) -> Tensor:
        (outputs,) = step.noted(self._output)
        maps = self._head.maps(outputs)
        images = torch.arange(len(maps[0]), device=maps[0].device)
        return images.repeat_interleave(sum(num_priors(maps, self._head.width)))
