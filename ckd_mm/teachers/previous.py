"""The student as it was in the previous epoch: its outputs for each image, or a copy.

PS-KD, "Self-Knowledge Distillation with Progressive Refinement of Targets",
arXiv:2006.12000.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import Tensor

from ckd_mm.adapters import ClassificationAdapter, find_adapter
from ckd_mm.adapters.core.semi_supervised import student_within
from ckd_mm.cache.room import shown
from ckd_mm.checks import boolean, one_of, positive, positive_integer
from ckd_mm.datasets.sample_index import SampleIndex
from ckd_mm.registry import TEACHERS
from ckd_mm.sharding import is_sharded
from ckd_mm.teachers.base import Teacher, TeacherKind
from ckd_mm.teachers.free_memory import free_bytes
from ckd_mm.teachers.memory import OutputMemory, num_bytes
from ckd_mm.teachers.model import ModelTeacher
from ckd_mm.teachers.remembered import RememberedTeacher

__all__ = ['PreviousEpochTeacher']

FORMS = ('memory', 'snapshot')
PROPOSED_TOP_K = 32


@TEACHERS.register_module()
@dataclass(frozen=True)
class PreviousEpochTeacher(TeacherKind):
    """The student of the previous epoch.

    Args:
        previous_epoch: 'memory': the class logits that the student gave for the same
            image in the previous epoch, under that epoch's augmentation; where there
            are none, as in the first epoch, its label. 'snapshot': a copy of the
            student from the start of the running epoch, which runs on the same images.
        top_k: Of a memory: keep so many largest logits of each image, and let the
            others be equal.
        half: Of a memory: keep them in float16.
        in_checkpoint: Of a memory: save it in checkpoints. Without, a run that resumes
            has the labels for one epoch, as in the first.
        weight: Its share when a term averages several teachers.

    Raises:
        ValueError: An option has a wrong type or value.
    """

    key = 'previous_epoch'
    key_in_words = "previous_epoch='memory' or 'snapshot' for the student an epoch ago"
    key_meaning = 'is the student of the previous epoch'
    is_student = True

    previous_epoch: Any = None
    top_k: int | None = None
    half: bool = False
    in_checkpoint: bool = True
    weight: float = 1.0

    def __post_init__(self) -> None:
        one_of('teacher: previous_epoch', self.previous_epoch, FORMS)
        boolean('teacher: half', self.half)
        boolean('teacher: in_checkpoint', self.in_checkpoint)
        positive('teacher: weight', self.weight)
        if self.top_k is not None:
            positive_integer('teacher: top_k', self.top_k)
        options = [
            f'{name}={value!r}'
            for name, value, usual in (
                ('top_k', self.top_k, None),
                ('half', self.half, False),
                ('in_checkpoint', self.in_checkpoint, True),
            )
            if value != usual
        ]
        if options and not self._remembers:
            raise ValueError(
                f"teacher: previous_epoch='snapshot' is a model, and {options[0]} is "
                "of a memory; leave it out, or take previous_epoch='memory'"
            )

    @property
    def needs_sample_index(self) -> bool:
        """A memory asks for the number of each image."""
        return self._remembers

    def build(self, runner: Runner, device: torch.device) -> Teacher:
        """A memory without any outputs, or a copy of the student.

        Raises:
            ValueError: The run counts no epochs, the memory would not fit, or the
                student is sharded or no classifier.
        """
        student = _student_of(runner)
        if isinstance(runner._train_loop, IterBasedTrainLoop):
            raise ValueError(
                f'teacher: previous_epoch={self.previous_epoch!r} needs epochs, and an '
                'IterBasedTrainLoop has none; set train_cfg=dict(by_epoch=True, '
                'max_epochs=...)'
            )
        if self._remembers:
            return self._memory(runner, student, device)
        if is_sharded(student):
            raise ValueError(
                "teacher: previous_epoch='snapshot' copies the student, and PyTorch "
                'does not copy a model that FSDP2 shards; train with DDP'
            )
        copy = deepcopy(student).eval().requires_grad_(False)
        return ModelTeacher(copy.to(device), self.weight)

    def sketch(self, runner: Runner, student: BaseModel) -> ModelTeacher:
        """The student itself, whose outputs have the same shapes."""
        return ModelTeacher(student)

    def start_epoch(self, teacher: Teacher, runner: Runner) -> None:
        """Copy the student's weights and buffers into the snapshot."""
        if isinstance(teacher, RememberedTeacher):
            teacher.memory.start_epoch()
        else:
            assert isinstance(teacher, ModelTeacher)
            teacher.model.load_state_dict(_student_of(runner).state_dict())

    def end_epoch(self, teacher: Teacher, runner: Runner) -> None:
        """Let the outputs of the epoch be those of the previous one."""
        if isinstance(teacher, RememberedTeacher):
            teacher.memory.end_epoch()

    def state(self, teacher: Teacher) -> dict[str, Tensor]:
        """The memory; a snapshot is taken anew from the student that resumes."""
        if isinstance(teacher, RememberedTeacher) and self.in_checkpoint:
            return teacher.memory.state()
        return {}

    def load_state(self, teacher: Teacher, state: Mapping[str, Tensor]) -> None:
        """Take the memory of a checkpoint.

        Raises:
            ValueError: There is none, or it is of another memory.
        """
        if isinstance(teacher, RememberedTeacher) and self.in_checkpoint:
            teacher.memory.load_state(state)
        else:
            super().load_state(teacher, state)

    @property
    def _remembers(self) -> bool:
        return bool(self.previous_epoch == 'memory')

    def _memory(
        self, runner: Runner, student: BaseModel, device: torch.device
    ) -> RememberedTeacher:
        """A memory that fits.

        Raises:
            ValueError: It does not, or there are no class logits to remember.
        """
        num_classes = getattr(getattr(student, 'head', None), 'num_classes', None)
        if num_classes is None or not _is_classifier(student):
            raise ValueError(
                "teacher: previous_epoch='memory' keeps the class logits of each "
                f'image, of a classifier, and the student is a '
                f"{type(student).__name__}; take previous_epoch='snapshot'"
            )
        if self.top_k is not None and self.top_k >= num_classes:
            raise ValueError(
                f'teacher: top_k must be below the {num_classes} classes of the '
                f'student, got {self.top_k}; leave it out to keep all'
            )
        dataset = runner.train_dataloader.dataset
        number = SampleIndex(dataset).num_samples
        size = num_bytes(number, num_classes, self.top_k, self.half, len(dataset))
        free = free_bytes(device)
        words = (
            f'the memory of the previous epoch takes {shown(size)} on {device.type}, '
            f'for {number} images of {num_classes} classes and for those of the '
            'running epoch'
        )
        if free is not None and size > free:
            raise ValueError(
                f'{words}, and {shown(free)} are left there; '
                f"{self._smaller(num_classes)}take previous_epoch='snapshot'"
            )
        print_log(f'Teacher: {words}', logger='current')
        memory = OutputMemory(number, num_classes, self.top_k, self.half, device)
        return RememberedTeacher(memory, self.weight)

    def _smaller(self, num_classes: int) -> str:
        """What would make the memory smaller, of what is not set yet."""
        options = ['half=True'] * (not self.half)
        if self.top_k is None and num_classes > PROPOSED_TOP_K:
            options.append(f'top_k={PROPOSED_TOP_K}')
        return f'set {" or ".join(options)} in the teacher, or ' if options else ''


def _student_of(runner: Runner) -> BaseModel:
    model = runner.model
    return student_within(model.module if is_model_wrapper(model) else model)


def _is_classifier(student: BaseModel) -> bool:
    return issubclass(find_adapter(student), ClassificationAdapter)
