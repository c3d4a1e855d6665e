"""What the kinds of teachers from other libraries have in common."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner

from ckd_mm.cache.identity import installed, plain, weights_hash
from ckd_mm.checks import boolean, positive
from ckd_mm.random_state import preserved_random_state
from ckd_mm.teachers.base import Teacher, TeacherKind
from ckd_mm.teachers.foreign.fit import Fit, check_input_size
from ckd_mm.teachers.foreign.model import Body, FeatureModel
from ckd_mm.teachers.foreign.pixels import PixelFormat, Pixels
from ckd_mm.teachers.model import ModelTeacher
from ckd_mm.teachers.speed import Speed

__all__ = ['ForeignTeacher', 'Loaded', 'imported']


@dataclass(frozen=True)
class Loaded:
    """A library's model, and what the library says of it.

    Args:
        body: Runs it.
        pixels: How it wants its pixels; `None` where the library does not say.
        source: Where its weights are from; empty for random ones.
    """

    body: Body
    pixels: PixelFormat | None
    source: str


@dataclass(frozen=True)
class ForeignTeacher(TeacherKind):
    """A model of another library. Subclasses say how it is built.

    Args:
        model: The library's name of it.
        pretrained: Whether it gets the library's own weights, where no checkpoint is
            given. Without either, its weights are random.
        checkpoint: A local file of weights, or a folder of the hub's cache.
        args: More arguments for the library's function or class.
        input_size: At which size it sees the batch, see :class:`Fit`.
        layers: The numbers of the blocks or stages that `on='backbone'` compares.
        norm: Whether the last norm of a ViT is applied to each block that is read.
        mean: Of its pixels, where the library does not say or says something else.
        std: The standard deviation.
        channel_order: `'rgb'` or `'bgr'`.
        white: 1 or 255, the value of a white pixel before mean and std are applied.
        weight: Its share when a term averages several teachers.
        speed: How its forward runs. A config gives its options to the teacher.

    Raises:
        ValueError: An option has a wrong type or value.
    """

    library: ClassVar[str] = ''
    """What a config calls the kind."""

    needed: ClassVar[tuple[str, ...]] = ('model',)

    can_be_cached = True

    model: Any = ''
    pretrained: bool = True
    checkpoint: str | PathLike[str] | None = None
    args: dict[str, Any] = field(default_factory=dict)
    input_size: Any = 'student'
    layers: Sequence[int] | None = None
    norm: bool = True
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    channel_order: str | None = None
    white: float | None = None
    weight: float = 1.0
    speed: Speed = field(default_factory=Speed)

    def __post_init__(self) -> None:
        if not self.model or not isinstance(self.model, str):
            raise ValueError(
                f'teacher type {self.library!r} needs model=NAME, got {self.model!r}'
            )
        for name in ('pretrained', 'norm'):
            boolean(f'teacher: {name}', getattr(self, name))
        if not isinstance(self.args, dict):
            raise ValueError(f'teacher: args must be a dict, got {self.args!r}')
        check_input_size(self.input_size)
        positive('teacher: weight', self.weight)

    @abstractmethod
    def load(self, weights: bool) -> Loaded:
        """The library's model, with its weights or without.

        Raises:
            ValueError: It cannot be built or loaded.
        """

    def build(self, runner: Runner, device: torch.device) -> ModelTeacher:
        """The teacher with its weights, on the student's device.

        Raises:
            ValueError: It cannot be built or loaded.
        """
        model = self.speed.prepare(self._built(weights=True).to(device))
        return ModelTeacher(model, self.weight, self.speed)

    def sketch(self, runner: Runner, student: BaseModel) -> ModelTeacher:
        """The model without its weights."""
        device = next(student.parameters()).device
        return ModelTeacher(self._built(weights=False).to(device))

    def check(self) -> None:
        """Build it with its weights; this may download them.

        Raises:
            ValueError: It cannot be built or loaded.
        """
        self._built(weights=True)

    def files(self) -> list[Path]:
        """Its checkpoint, if there is one."""
        return [] if self.checkpoint is None else [Path(self.checkpoint)]

    def identity(self, teacher: Teacher) -> dict[str, Any]:
        """Its name, and what its maps depend on."""
        assert isinstance(teacher, ModelTeacher)
        options = asdict(self)
        for one in ('weight', 'pretrained', 'checkpoint'):  # these are in the weights
            del options[one]
        return {
            'name': self.title,
            'version': installed(self.library),
            **plain(options),
            'weights': weights_hash(teacher.model),
        }

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return f'{self.library} model {self.model!r}'

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """The height and width that `input_size` gives, if it does."""
        if isinstance(self.input_size, str) or not isinstance(
            self.input_size, Sequence
        ):
            return None
        height, width = self.input_size
        return height, width

    def _built(self, weights: bool) -> FeatureModel:
        with preserved_random_state():
            loaded = self.load(weights)
        body = loaded.body
        size = self.fixed_size or self.input_size
        fit = Fit(size, divisor=body.divisor, patch=body.patch)
        pixels = Pixels(self._pixels(loaded.pixels))
        model = FeatureModel(body, pixels, fit, self.layers, self.title)
        if weights:
            _report(model, loaded.source)
        return model.eval().requires_grad_(False)

    def _pixels(self, said: PixelFormat | None) -> PixelFormat:
        """The pixels as the config has them, or else the library.

        Raises:
            ValueError: Neither says it.
        """
        mean, std = self.mean, self.std
        if said is not None:
            mean, std = mean or said.mean, std or said.std
        if mean is None or std is None:
            raise ValueError(
                f'teacher: mean and std of {self.title} are not known; give those that '
                'it was trained with, such as mean=[0.485, 0.456, 0.406], std=[0.229, '
                '0.224, 0.225] for pixels from 0 to 1 (white=255 for 0 to 255)'
            )
        order = self.channel_order or (said.order if said else 'rgb')
        white = self.white or (said.white if said else 1)
        return PixelFormat(list(mean), list(std), order, white)


def imported(library: str, extra: str) -> ModuleType:
    """A library that is an extra.

    Raises:
        ValueError: It is not installed.
    """
    try:
        return import_module(library)
    except ImportError as error:
        raise ValueError(
            f'a teacher of type {extra!r} needs {library}, which cannot be imported '
            f"({error}); install it with: pip install 'ckd_mm[{extra}]'"
        ) from error


def _report(model: FeatureModel, source: str) -> None:
    """Log what the teacher is, and warn of random weights."""
    millions = sum(one.numel() for one in model.parameters()) / 1e6
    levels = f', {model.kind}:0 to {model.kind}:{len(model.channels) - 1}'
    print_log(
        f'Teacher: {model.title}, {millions:.2f} M parameters, '
        f'{f"from {source}" if source else "with random weights"}'
        f'{levels if model.kind else ""}',
        logger='current',
        level=logging.INFO if source else logging.WARNING,
    )
