"""A teacher whose outputs are remembered: the student's of the previous epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn

from ckd_mm.adapters import Pair, Step, Value, build_adapter
from ckd_mm.teachers.base import Request
from ckd_mm.teachers.cacheable import (
    check_context,
    is_padded_to_one_size,
    part_name,
)
from ckd_mm.teachers.memory import OutputMemory
from ckd_mm.teachers.without_model import ViewWithoutModel

__all__ = ['RememberedTeacher', 'RememberedView']


@dataclass(frozen=True)
class RememberedTeacher:
    """A teacher whose outputs are the student's of the previous epoch.

    Args:
        memory: The outputs.
        weight: Its share when a term averages several teachers.
    """

    memory: OutputMemory
    weight: float = 1.0

    @property
    def replays(self) -> None:
        """It sees the student's images, whatever their augmentation."""
        return None

    def view(
        self,
        student: BaseModel,
        requests: Mapping[str, Request],
        preprocessor: nn.Module | None = None,
    ) -> RememberedView:
        """Its view for some terms.

        Raises:
            ValueError: The terms compare something else than class logits.
        """
        return RememberedView(student, self.memory, requests)

    def evaluate(self, runner: Runner) -> dict[str, Any]:
        """Nothing: outputs for training images are no model."""
        return {}


class RememberedView(ViewWithoutModel):
    """The student's outputs of the previous epoch, beside those of this step.

    Args:
        student: The student, without a distributed wrapper.
        memory: The outputs.
        requests: What the terms that listen to it ask for, by name.

    Raises:
        ValueError: The terms compare something else than class logits of single images.
    """

    def __init__(
        self, student: BaseModel, memory: OutputMemory, requests: Mapping[str, Request]
    ) -> None:
        _check_images(student)
        adapter = build_adapter(student, student)
        self._memory, self._context = memory, adapter.context()
        self._asked = {name: tuple(one.context) for name, one in requests.items()}
        for name, one in requests.items():
            if part_name(one.on) != 'logits':
                raise ValueError(
                    f'term {name!r} compares on={one.on!r}, and a memory of the '
                    "previous epoch has class logits alone; compare on='logits', or "
                    "take previous_epoch='snapshot'"
                )
        # it reads labels and numbers of images, whatever the losses do
        reads = ('target', 'sample_index')
        self.terms = {
            name: adapter.bind(name, one.on, {*one.context, *reads}, users=one.users)
            for name, one in requests.items()
        }
        check_context(
            self.terms,
            'a memory of the previous epoch',
            "take previous_epoch='snapshot'",
        )
        self._rows: Tensor | None = None

    def run_teacher(self, step: Step) -> None:
        """Read the outputs of the previous epoch, and note those of this step."""
        index_B = self._context['sample_index'].read(step)
        target = self._context['target'].read(step)
        self._rows = self._memory.read(index_B, target)
        bound = self.terms[step.acting(self.terms)[0]]
        logits_BC = bound.student_value(step)
        assert isinstance(logits_BC, Tensor)
        self._memory.note(index_B, logits_BC)

    def pair(self, term: str, step: Step) -> Pair:
        """What the loss of a term gets in this step."""
        pair = self.terms[term].pair_with(step, self.teacher_value(term, step))
        asked = {name: pair.context[name] for name in self._asked[term]}
        return replace(pair, context=asked)

    def teacher_value(self, term: str, step: Step) -> Value:
        """The teacher's value for a term."""
        assert self._rows is not None
        return self._rows

    def forget(self) -> None:
        """Let go of the step's tensors."""
        self._rows = None


def _check_images(student: BaseModel) -> None:
    """Check that an output is of one image.

    Raises:
        ValueError: The student mixes the images of a batch.
    """
    preprocessor = student.data_preprocessor
    augments = getattr(preprocessor, 'batch_augments', None)
    if augments is not None and not is_padded_to_one_size(preprocessor):
        raise ValueError(
            'a memory of the previous epoch needs outputs of single images, and this '
            'student mixes the images of a batch (batch_augments of its '
            'data_preprocessor, such as Mixup and CutMix); take them out, or take '
            "previous_epoch='snapshot'"
        )
