"""What the student's step says of each anchor or point, read from what was noted."""

from __future__ import annotations

from dataclasses import replace

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

    @property
    def why_no_labels(self) -> str:
        """Why its labels are not known, where no loss gets them."""
        return (
            f"the student's {type(self._head.module).__name__} tells no loss what it "
            'assigns to each anchor or point'
        )

    def context(self, has_target: bool) -> tuple[dict[str, Context], dict[str, str]]:
        """What a loss can ask for, and why not for the rest.

        Args:
            has_target: Whether each row has a class.
        """
        known = {'image_index': self.image_index}
        if not self._head.label_taps():
            reason = f'{self.why_no_labels}; take a loss that needs no target'
            return known, {'target': reason, 'assigned': reason}
        known['assigned'] = replace(self.labels, read=self.is_assigned)
        if has_target:
            return {**known, 'target': self.labels}, {}
        reason = (
            'rows of background have no target among the classes of a sigmoid head; '
            "take rows='assigned'"
        )
        return known, {'target': reason}

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
