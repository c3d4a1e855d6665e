"""The feature maps of a model by the names that an `on` gives them, with strides."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.core.levels import maps_of
from ckd_mm.adapters.core.semi_supervised import student_within
from ckd_mm.commands.defaults import maps_loss
from ckd_mm.errors import as_value_error
from ckd_mm.teachers import FeatureModel, read_teachers

__all__ = ['Level', 'foreign_model', 'foreign_options', 'levels_of', 'levels_term']

LIBRARIES = ('timm', 'transformers', 'torchvision')


@dataclass(frozen=True)
class Level:
    """A feature map.

    Args:
        name: What `on=dict(student=..., teacher=...)` calls it.
        shape: (N, C, H, W).
        image: The height and the width of the batch.
    """

    name: str
    shape: tuple[int, ...]
    image: tuple[int, int]

    @property
    def stride(self) -> str:
        """Pixels of the student's batch to a cell, such as `'16'` or `'18.7'`."""
        return f'{self.image[0] / self.shape[2]:.3g}'


def foreign_options(teacher: Any) -> dict[str, Any] | None:
    """The options of a teacher of another library; `None` if it is of none.

    Args:
        teacher: `'timm::NAME'` and the like, or a dict with a `type`.
    """
    if isinstance(teacher, dict):
        return dict(teacher) if 'type' in teacher else None
    library, _, name = str(teacher).partition('::')
    return dict(type=library, model=name) if library in LIBRARIES else None


def foreign_model(options: dict[str, Any], student: BaseModel) -> BaseModel:
    """The model of a teacher of another library, with random weights.

    Raises:
        ValueError: It cannot be built.
    """
    (kind,) = read_teachers(options)
    runner: Any = None  # no kind of another library looks at it
    teacher: Any = kind.sketch(runner, student)
    return teacher.model


@torch.no_grad()
def levels_of(model: BaseModel, size: tuple[int, int]) -> list[Level]:
    """The maps of a model's backbone and neck, or of its blocks or stages.

    Args:
        model: A student or a teacher.
        size: The height and the width of the batch.

    Raises:
        ValueError: The model does not run on such a batch.
    """
    model = student_within(model)
    lists = _outputs(model)
    returned: dict[str, Any] = {}

    def noted(name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            returned[name] = maps_of(module, output)

        return hook

    handles = [one.register_forward_hook(noted(name)) for name, one in lists.items()]
    training = model.training
    model.eval()
    try:
        with as_value_error(f'the features of a {type(model).__name__}'):
            device = next(model.parameters()).device
            model.extract_feat(torch.zeros(1, 3, *size, device=device))
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    return [
        Level(name, tuple(one.shape), size)
        for start, value in returned.items()
        for name, one in _named(start, value)
        if one.ndim == 4
    ]


def levels_term(student: list[Level], teacher: list[Level]) -> dict[str, Any] | None:
    """A term for the teacher's last map and the student's of the nearest stride.

    A level of the neck is preferred to one of the backbone.
    """
    if not student or not teacher:
        return None
    last = teacher[-1]
    near = min(
        reversed(student), key=lambda one: abs(math.log(one.shape[2] / last.shape[2]))
    )
    on = dict(student=near.name, teacher=last.name)
    loss = maps_loss(([near.shape[1]], [last.shape[1]]), same_sizes=False)
    return dict(on=on, loss=dict(type=loss['type'], relu=False))


def _outputs(model: BaseModel) -> dict[str, nn.Module]:
    """The modules whose outputs are levels, by the beginning of the levels' names."""
    if isinstance(model, FeatureModel):
        found = {f'{model.kind}.{one}': one for one in range(len(model.channels))}
        model.will_be_read(found)
        modules = dict(model.named_modules())
        return {name.replace('.', ':'): modules[name] for name in found}
    names = ('backbone', 'neck')
    found_modules = {name: getattr(model, name, None) for name in names}
    return {
        name: one for name, one in found_modules.items() if isinstance(one, nn.Module)
    }


def _named(start: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if ':' in start:
        yield start, value
        return
    for number, one in enumerate([value] if isinstance(value, Tensor) else value):
        if isinstance(one, Tensor):
            yield f'{start}:{number}', one
