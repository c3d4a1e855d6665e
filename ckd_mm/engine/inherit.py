"""A student that starts from its teacher: neck, RPN and heads, where they agree.

The inheriting strategy of FGD (arXiv:2111.11837, `init_student` in yzd-v/FGD), which
MGD and others have taken over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn

from ckd_mm.adapters.core.class_names import LISTS, ClassNames
from ckd_mm.adapters.core.semi_supervised import student_within
from ckd_mm.registry import did_you_mean
from ckd_mm.sharding import is_sharded
from ckd_mm.teachers import TeacherKind

__all__ = ['Inherit', 'have_other_order']

CLASSLESS = ('backbone', 'neck', 'rpn_head')
"""Modules whose weights do not depend on the classes."""


@dataclass(frozen=True)
class Inherit:
    """Which modules of the student start from the teacher's.

    Args:
        kind: The teacher.
        parts: Names of modules of both, such as `'neck'` or `'roi_head.bbox_head'`.
    """

    kind: TeacherKind
    parts: Sequence[str]

    @classmethod
    def read(cls, option: Any, kinds: Sequence[TeacherKind]) -> Inherit | None:
        """The option of a hook; `None` for `None`.

        Args:
            option: A list of names, or `dict(teacher=NUMBER, parts=[...])`.
            kinds: All teachers.

        Raises:
            ValueError: It is something else, or the teacher is not of a zoo.
        """
        if option is None:
            return None
        option = dict(option) if isinstance(option, Mapping) else dict(parts=option)
        parts, number = option.pop('parts', None), option.pop('teacher', None)
        listed = isinstance(parts, (list, tuple)) and parts
        if option or not listed or not all(isinstance(one, str) for one in parts):
            raise ValueError(
                "inherit must be a list of modules such as ['neck', 'bbox_head'], or "
                'dict(teacher=NUMBER, parts=[...]) with such a list, got '
                f'{dict(option, parts=parts)!r}'
            )
        if not kinds:
            raise ValueError(
                'inherit needs a teacher of a zoo, teacher=dict(config=...), and the '
                'hook has none; leave inherit out'
            )
        if number is None and len(kinds) > 1:
            raise ValueError(
                f'inherit must say from which of the {len(kinds)} teachers; write '
                f'dict(teacher=NUMBER, parts={list(parts)!r})'
            )
        number = number or 0
        if type(number) is not int or not 0 <= number < len(kinds):
            raise ValueError(
                f'inherit: teacher must be a number of 0 to {len(kinds) - 1}, got '
                f'{number!r}'
            )
        kind = kinds[number]
        if not kind.can_be_inherited:
            raise ValueError(
                'inherit needs a teacher of a zoo, teacher=dict(config=...), whose '
                f'modules have the names of the student, got teacher {number}, a '
                f'{type(kind).__name__}; name another one, or leave inherit out'
            )
        return cls(kind, tuple(dict.fromkeys(parts)))

    def apply(self, runner: Runner, student: BaseModel) -> None:
        """Copy the teacher's tensors, unless the student comes from a checkpoint.

        They are read anew from the teacher's file, without what `dtype` or `fuse_bn`
        change. The log names each tensor.

        Args:
            runner: The run, before its first iteration.
            student: The student, without a distributed wrapper.

        Raises:
            ValueError: A part matches nothing, the classes have another order, or the
                student is sharded.
        """
        if _is_loaded(runner):
            print_log(
                'inherit: the student comes from a checkpoint (load_from or resume), '
                'and keeps what it has',
                logger='current',
            )
            return
        if is_sharded(student):
            raise ValueError(
                'inherit does not work with a sharded student; save a start with a run '
                'that is not sharded, and give it in load_from'
            )
        teacher, names = self.kind.original(runner)
        self._check_classes(names)
        for part in self.parts:
            _copy(part, student_within(student), teacher)

    def _check_classes(self, names: ClassNames | None) -> None:
        """Check that rows of classes would not be taken for those of others."""
        parts = [one for one in self.parts if one.split('.')[0] not in CLASSLESS]
        if parts and names is not None and have_other_order(names):
            raise ValueError(
                f'inherit: {parts} depend on the classes, and the teacher has other '
                'ones, or in another order; inherit modules that do not, such as '
                f'{list(CLASSLESS[1:])}'
            )


def have_other_order(names: ClassNames) -> bool:
    """Whether both models have other classes, or the same in another order."""
    renamed = names.class_map or {}
    return any(
        list(names.student[key])
        != [renamed.get(one, one) for one in names.teacher[key]]
        for key in LISTS
        if key in names.student and key in names.teacher
    )


def _is_loaded(runner: Runner) -> bool:
    """Whether the student's weights come from a checkpoint of a run."""
    return bool(getattr(runner, '_has_loaded', False)) or runner.iter > 0


@torch.no_grad()
def _copy(part: str, student: BaseModel, teacher: BaseModel) -> None:
    """Copy what has the same name and shape below a module, and log each tensor.

    Raises:
        ValueError: There is nothing of that kind.
    """
    ours, theirs = (_tensors(part, model) for model in (student, teacher))
    fits = {
        name: name in theirs and theirs[name].shape == tensor.shape
        for name, tensor in ours.items()
    }
    if not any(fits.values()):
        raise ValueError(_nothing(part, student, ours, theirs))
    for name, tensor in ours.items():
        if fits[name]:
            tensor.copy_(theirs[name])
            state = 'from the teacher'
        elif name in theirs:
            state = f"as it was, the teacher's is {tuple(theirs[name].shape)}"
        else:
            state = 'as it was, the teacher has none'
        print_log(f'inherit: {name} {tuple(tensor.shape)}: {state}', logger='current')


def _tensors(part: str, model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers below a module, by their full names."""
    state = model.state_dict()
    return {name: one for name, one in state.items() if name.startswith(f'{part}.')}


def _nothing(
    part: str,
    student: BaseModel,
    ours: Mapping[str, Tensor],
    theirs: Mapping[str, Tensor],
) -> str:
    start = f'inherit: {part!r} must be a module that both models have with tensors'
    if not ours or not theirs:
        whose = 'teacher' if ours else 'student'
        names = [name for name, _ in student.named_modules() if 0 < len(name) < 40]
        hint = did_you_mean(part, names) if not ours else ''
        return f'{start}, and the {whose} has none{hint}'
    name = next(iter(ours))
    found = tuple(theirs[name].shape) if name in theirs else 'not there'
    return (
        f'{start} of one shape, and none agrees: {name} is {tuple(ours[name].shape)}, '
        f"the teacher's {found}; leave it out"
    )
