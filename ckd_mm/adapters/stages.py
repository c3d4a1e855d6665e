"""The stages of a RoI head: one box head, or a cascade of them.

A cascade's modules are lists by stage, and the RoIs of a stage are what the one before
made of its own. One box head is a cascade of one stage, except that its modules have no
number in their names.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

__all__ = ['Passes', 'Stages', 'choose_passes', 'for_roi_align']

HALF = (torch.float16, torch.bfloat16)


class Stages:
    """Names and forwards of a RoI head's stages.

    Args:
        model: A detector that :meth:`fits`.
    """

    def __init__(self, model: BaseModel) -> None:
        self.model = model
        self._roi_head = model.roi_head
        heads = self._roi_head.bbox_head
        self.is_cascade = isinstance(heads, nn.ModuleList)
        self.number = len(heads) if self.is_cascade else 1

    @staticmethod
    def fits(model: BaseModel) -> bool:
        """Whether the model makes class logits of a RoI, given nothing but the RoI."""
        roi_head = getattr(model, 'roi_head', None)
        forward = getattr(roi_head, '_bbox_forward', None)
        names = ('bbox_roi_extractor', 'bbox_head')
        modules = [getattr(roi_head, name, None) for name in names]
        if forward is None or None in modules:
            return False
        if any(isinstance(module, nn.ModuleList) for module in modules):
            # Sparse R-CNN's takes queries too, HTC's a semantic feature map
            return list(inspect.signature(forward).parameters) == ['stage', 'x', 'rois']
        return True

    def name(self, module: str, stage: int, inner: str = '') -> str:
        """The name of a module of a stage, such as `roi_head.bbox_head.0.fc_cls`."""
        number = str(stage) if self.is_cascade else ''
        return '.'.join(filter(None, ['roi_head', module, number, inner]))

    def has(self, module: str, inner: str = '') -> bool:
        """Whether the RoI head has this module, in its first stage."""
        try:
            self.module(module, 0, inner)
        except AttributeError:
            return False
        return True

    def head(self, stage: int) -> Any:
        """The box head of a stage."""
        return self.module('bbox_head', stage)

    def stage_of(self, module: str) -> int:
        """The stage that a module of this name belongs to."""
        match = re.match(r'roi_head\.\w+\.(\d+)(\.|$)', module)
        return int(match[1]) if match else 0

    def forward(
        self, kind: str, stage: int, features: Sequence[Tensor], rois: Tensor
    ) -> None:
        """Run a stage's head of the kind `bbox` or `mask` on RoIs (R, 5)."""
        forward = getattr(self._roi_head, f'_{kind}_forward')
        forward(*([stage] if self.is_cascade else []), features, rois)

    def module(self, module: str, stage: int, inner: str = '') -> Any:
        """A module of a stage, or one inside it."""
        name = self.name(module, stage, inner).removeprefix('roi_head.')
        return self._roi_head.get_submodule(name)


def for_roi_align(features: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Feature maps as mmcv's RoIAlign takes them: (N, C, H, W) in memory, float32.

    It reads maps that lie in memory as NHWC as if they were NCHW, without an error, and
    has no bfloat16. In float16 mmdet gives it the RoIs in float16 as well, which holds
    coordinates between 512 and 1024 to half a pixel, and those above to a pixel.
    """
    known = [one.float() if one.dtype in HALF else one for one in features]
    return tuple(one.contiguous() for one in known)


@dataclass(frozen=True)
class Passes:
    """Which RoIs are compared, and which stages of the teacher see them.

    Args:
        own: The student's stages whose RoIs these are.
        other: For each of them the teacher's stages, whose outputs are averaged.
    """

    own: tuple[int, ...]
    other: tuple[tuple[int, ...], ...]


def choose_passes(
    student: Stages,
    teacher: Stages,
    student_stage: int | None,
    teacher_stage: int | str | None,
) -> Passes:
    """The passes that the options of a part mean.

    Args:
        student: The student's stages.
        teacher: The teacher's.
        student_stage: One stage whose RoIs are compared; `None` is all of them.
        teacher_stage: Which stage of the teacher sees them: a number, `'last'`,
            `'same'` (the one of the student's number) or `'average'` (the mean of all).
            `None` is `'same'` for cascades of one length, else `'last'`.

    Raises:
        ValueError: There is no such stage.
    """
    own = tuple(range(student.number))
    if student_stage is not None:
        own = (_checked('student_stage', student_stage, student.number),)
    if teacher_stage is None:
        teacher_stage = 'same' if student.number == teacher.number else 'last'
    every = tuple(range(teacher.number))
    if teacher_stage == 'average':
        return Passes(own, (every,) * len(own))
    if teacher_stage == 'last':
        return Passes(own, (every[-1:],) * len(own))
    if teacher_stage == 'same':
        stages = [_checked('teacher_stage', stage, teacher.number) for stage in own]
        return Passes(own, tuple((stage,) for stage in stages))
    stage = _checked('teacher_stage', teacher_stage, teacher.number)
    return Passes(own, ((stage,),) * len(own))


def _checked(name: str, stage: Any, number: int) -> int:
    if isinstance(stage, bool) or stage not in range(number):
        whose = name.removesuffix('_stage')
        words = "'last', 'same', 'average' or " if whose == 'teacher' else ''
        raise ValueError(
            f'{name} must be {words}a number from 0 to {number - 1}, as the {whose} '
            f'has {number} box {"heads" if number > 1 else "head"}, got {stage!r}'
        )
    return stage
