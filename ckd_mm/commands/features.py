"""Feature maps that two models have in common: which modules, which widths.

Two necks or backbones whose levels agree in number and sizes are compared as a whole.
Else those levels are compared that have one size, by the modules that return them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters import PairSpec, Unavailable, build_adapter
from ckd_mm.adapters.core.semi_supervised import student_within, teacher_within
from ckd_mm.commands.defaults import maps_loss
from ckd_mm.errors import as_value_error

__all__ = ['features_term']

SIZES = (256, 512, 224)
"""Heights and widths of the image that are tried, multiples of all strides.

The second is for models to which the first is too small, the third for classifiers
that take no other size.
"""


@dataclass(frozen=True)
class _Level:
    """One map that a neck or a backbone returns.

    Args:
        shape: (1, C, H, W), or (1, D) of what is pooled.
        module: The full name of the module that returns it; empty if none does.
    """

    shape: tuple[int, ...]
    module: str

    @property
    def size(self) -> tuple[int, ...]:
        return self.shape[2:]


def features_term(student: BaseModel, teacher: BaseModel) -> tuple[dict[str, Any], str]:
    """`on` and `loss` that compare two models by their features, and the reason.

    Raises:
        ValueError: They have no features in common, or do not run on an image.
    """
    student, teacher = student_within(student), teacher_within(teacher)
    padded = _divisor(student) == _divisor(teacher)
    with as_value_error('finding the parts of these two models'):
        known = build_adapter(student, teacher).parts()
    reasons = []
    for part in ('neck', 'backbone'):
        found = known.get(part)  # a classifier's neck is no part
        if not isinstance(found, PairSpec):
            reasons += [found.reason] if isinstance(found, Unavailable) else []
            continue
        try:
            of_student, of_teacher = _levels(student, part), _levels(teacher, part)
        except ValueError as error:
            reasons.append(str(error))
            continue
        sizes = [[one.size for one in levels] for levels in (of_student, of_teacher)]
        if sizes[0] == sizes[1]:
            return _as_a_whole(part, of_student, of_teacher, padded)
        pairs = _of_one_size(of_student, of_teacher)
        if pairs:
            return _by_level(part, pairs, padded)
        if len(of_student) == len(of_teacher):
            return _as_a_whole(part, of_student, of_teacher, same_sizes=False)
        shown = ' and '.join(map(str, sizes))
        reasons.append(f'the levels of the {part} are of the sizes {shown}')
    raise ValueError(
        f'no features of a {type(student).__name__} and a {type(teacher).__name__} can '
        f'be compared by default: {"; ".join(reasons)}; name modules of both with '
        'on=dict(student=NAME, teacher=NAME)'
    )


def _as_a_whole(
    part: str, student: list[_Level], teacher: list[_Level], same_sizes: bool
) -> tuple[dict[str, Any], str]:
    maps = all(level.size for level in student)
    loss = maps_loss((_widths(student), _widths(teacher)), maps and same_sizes)
    return dict(on=part, loss=loss), f'both have a {part} of {len(student)} levels'


def _by_level(
    part: str, pairs: list[tuple[_Level, _Level]], same_sizes: bool
) -> tuple[dict[str, Any], str]:
    widths = (
        _widths([pair[0] for pair in pairs]),
        _widths([pair[1] for pair in pairs]),
    )
    loss = maps_loss(widths, same_sizes)
    on = [
        dict(student=student.module, teacher=teacher.module)
        for student, teacher in pairs
    ]
    why = f'{len(pairs)} levels of the {part} are of one size in both'
    return dict(on=on, loss=loss), why


def _of_one_size(
    student: list[_Level], teacher: list[_Level]
) -> list[tuple[_Level, _Level]]:
    """Levels of both that have one size and are returned by modules, each once."""
    left = [one for one in teacher if one.module and one.size]
    pairs = []
    for level in student:
        match = next((one for one in left if one.size == level.size), None)
        if level.module and match is not None:
            left.remove(match)
            pairs.append((level, match))
    return pairs


def _widths(levels: list[_Level]) -> list[int]:
    return [level.shape[1] for level in levels]


def _divisor(model: BaseModel) -> int:
    return int(getattr(model.data_preprocessor, 'pad_size_divisor', 1))


def _levels(model: BaseModel, part: str) -> list[_Level]:
    """The maps that a neck or a backbone returns for one image.

    Raises:
        ValueError: It cannot be run.
    """
    kind = type(model).__name__
    error: Exception | None = None
    for size in SIZES:
        try:
            with as_value_error(f'the {part} of a {kind} on an image of {size} pixels'):
                return _run(model, part, size)
        except ValueError as failure:
            error = error or failure
    assert error is not None
    raise error


@torch.no_grad()
def _run(model: BaseModel, part: str, size: int) -> list[_Level]:
    returned: dict[str, list[Any]] = defaultdict(list)

    def noted(name: str) -> Any:
        return lambda module, args, output: returned[name].append(output)

    handles = [
        module.register_forward_hook(noted(f'{part}.{name}'.rstrip('.')))
        for name, module in getattr(model, part).named_modules()
    ]
    training = model.training
    model.eval()
    try:
        device = next(model.parameters()).device
        images = torch.zeros(1, _channels(model), size, size, device=device)
        maps = model.backbone(images)
        if part == 'neck':
            model.neck(maps)
    finally:
        for handle in handles:
            handle.remove()
        model.train(training)
    return [
        _Level(tuple(level.shape), _module_of(level, part, returned))
        for level in _tensors(returned[part][0])
    ]


def _channels(model: BaseModel) -> int:
    mean = getattr(model.data_preprocessor, 'mean', None)
    return mean.numel() if mean is not None else 3


def _module_of(level: Tensor, part: str, returned: dict[str, list[Any]]) -> str:
    """The outermost module that returns this very tensor, and runs once."""
    names = [
        name
        for name, values in returned.items()
        if len(values) == 1 and values[0] is level
    ]
    return min((name for name in names if name != part), key=len, default='')


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)
