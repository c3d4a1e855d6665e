"""What runs in a step of one-stage detectors: the teacher's head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from ckd_mm.adapters.core.batch_checks import check_number
from ckd_mm.adapters.core.passes import FeatureMaps, Made, Pass
from ckd_mm.adapters.core.prompts import PromptedHead
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.dense.stacks import Stacks

__all__ = ['Head', 'HeadOnStudent']

EPSILON = 1e-6


@dataclass(frozen=True)
class Head(PromptedHead):
    """The dense head, and the language model that gives it a prompt."""

    @property
    def without_labels(self) -> tuple[str, ...]:
        return () if self.head.has_prompts else (self.head.path.split('.')[0],)

    def calls(self, tap: Tap) -> bool:
        return tap not in self.head.label_taps()

    def run(self, images: Tensor, step: Step, made: Made) -> Any:
        return self.head.run(*self.inputs(step, made))


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation (1, C, 1, 1) of the channels of a level."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, level_NCHW: Tensor) -> Scale:
        level_NCHW = level_NCHW.float()  # a mean of squares overflows in float16
        variance, mean = torch.var_mean(
            level_NCHW, dim=(0, 2, 3), correction=0, keepdim=True
        )
        return cls(mean, (variance + EPSILON**2).sqrt())


@dataclass
class NotedMaps:
    """What the teacher's own maps tell for the student's, level by level.

    Args:
        scales: By branch and number of the convolution, the scales behind it.
        ends: By branch, what its last convolution has given.
    """

    scales: dict[tuple[str, int], list[Scale]] = field(default_factory=dict)
    ends: dict[str, list[Tensor]] = field(default_factory=dict)


@dataclass(frozen=True)
class HeadNoted(Pass):
    """The dense head, noting of its maps what the passes on the student's ask for.

    Args:
        stacks: The head's stacked convolutions.
        scaled: By branch and number, the convolutions whose scales are noted.
        ended: The branches whose ends are.
    """

    stacks: Stacks = field(compare=False, repr=False)
    scaled: frozenset[tuple[str, int]] = field(compare=False)
    ended: frozenset[str] = field(compare=False)

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (FeatureMaps(self.stacks.head.model),)

    def covers(self, other: Pass) -> bool:
        return isinstance(other, Head)

    def joined(self, other: HeadNoted) -> HeadNoted:
        scaled, ended = self.scaled | other.scaled, self.ended | other.ended
        return HeadNoted(self.stacks, scaled, ended)

    def run(self, images: Tensor, step: Step, made: Made) -> NotedMaps:
        noted = NotedMaps()
        handles = []
        for branch, at in self.scaled:
            scaled = _scaled_in(noted.scales.setdefault((branch, at), []))
            for layers in self.stacks.layers(branch):
                activate = layers[at - 1].activate
                handles.append(activate.register_forward_pre_hook(scaled))
        for branch in self.ended:
            ended = _ended_in(noted.ends.setdefault(branch, []))
            for layers in self.stacks.layers(branch):
                handles.append(layers[-1].register_forward_hook(ended))
        try:
            self.stacks.head.run(made[self.needs[0]])
        finally:
            for handle in handles:
                handle.remove()
        return noted


@dataclass(frozen=True)
class HeadOnStudent(Pass):
    """The rest of the teacher's head on maps of the student's head.

    Each channel of the student's maps gets the mean and standard deviation that the
    teacher's has, over all positions of the batch and level by level.

    Args:
        at: The student's convolution, counted from 1, whose output goes on in the
            teacher: behind its normalisation, before its activation.
        behind: The teacher's convolution behind which it does.
        student: The student's stacked convolutions.
        teacher: The teacher's.
        branches: By number, the branches that go on in the teacher. Others end with
            the teacher's maps.
        connector: What the student's maps go through first, if anything.
    """

    at: int
    behind: int
    student: Stacks = field(compare=False, repr=False)
    teacher: Stacks = field(compare=False, repr=False)
    branches: tuple[int, ...] = (0, 1)
    connector: nn.Module | None = field(default=None, repr=False)
    has_own_taps = True
    crosses = True

    @property
    def needs(self) -> tuple[Pass, ...]:
        teacher = self.teacher
        crossed = [teacher.branches[number] for number in self.branches]
        noted = HeadNoted(
            teacher,
            scaled=frozenset((branch, self.behind) for branch in crossed),
            ended=frozenset(teacher.branches) - frozenset(crossed),
        )
        return (FeatureMaps(teacher.head.model), noted)

    @property
    def student_taps(self) -> tuple[Tap, ...]:
        names = (self.student.branches[number] for number in self.branches)
        return tuple(tap for one in names for tap in self.student.taps(one, self.at))

    def run(self, images: Tensor, step: Step, made: Made) -> None:
        maps, noted = (made[one] for one in self.needs)
        given = {}
        for number in self.branches:
            taps = self.student.taps(self.student.branches[number], self.at)
            levels = [call[0] for tap in taps for call in step.noted(tap)]
            _check(levels, maps)
            branch = self.teacher.branches[number]
            scales = noted.scales[branch, self.behind]
            pairs = zip(self._connected(levels), scales, strict=True)
            given[branch] = [_rescaled(level, scale) for level, scale in pairs]
        ends = {name: one for name, one in noted.ends.items() if name not in given}
        with self.teacher.beginning_behind(self.behind, given, ends):
            self.teacher.head.run(maps)

    def _connected(self, levels: list[Tensor]) -> list[Tensor]:
        if self.connector is None:
            return levels
        return [*chain.from_iterable(self.connector(self.teacher.by_module(levels)))]


def _scaled_in(scales: list[Scale]) -> Any:
    def hook(module: Any, inputs: tuple[Tensor]) -> None:
        scales.append(Scale.of(inputs[0]))

    return hook


def _ended_in(ends: list[Tensor]) -> Any:
    def hook(module: Any, inputs: Any, output: Tensor) -> None:
        ends.append(output)

    return hook


def _rescaled(level_NCHW: Tensor, to: Scale) -> Tensor:
    of = Scale.of(level_NCHW)
    return (level_NCHW.float() - of.mean) / of.std * to.std + to.mean


def _check(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> None:
    """Check that the levels are of the same images and sizes."""
    check_number(student, teacher)
    sizes = [[tuple(level.shape[-2:]) for level in maps] for maps in (student, teacher)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"the levels of both models must be of one size, but the student's are "
            f"{sizes[0]} and the teacher's {sizes[1]}; give both data preprocessors "
            'the same pad_size_divisor'
        )
