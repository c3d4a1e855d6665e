"""What a dense head of MMDetection is: its grid, its classes, its student's labels."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.class_logits import ClassLogits
from ckd_mm.adapters.comparison import Missing, Step
from ckd_mm.adapters.dense_rows import assigned_labels, num_places
from ckd_mm.recorders import Tap

__all__ = ['DenseHead', 'why_not']

# Their first output has been through a sigmoid.
_NO_LOGITS = ('TOODHead',)


class DenseHead:
    """A head that gives class logits of every position of every level.

    Args:
        model: The detector.
        path: The name of the head in it.
    """

    def __init__(self, model: BaseModel, path: str) -> None:
        self.path = path
        self.module: Any = model.get_submodule(path)
        self.width: int = self.module.cls_out_channels
        self.softmax: bool = self.width != self.module.num_classes
        self.logits = ClassLogits(
            self.module.num_classes,
            'softmax' if self.softmax else 'sigmoid',
            background=self.softmax,
        )

    @staticmethod
    def fits(model: BaseModel, path: str) -> bool:
        """Whether the model has such a head."""
        head = getattr(model, path, None)
        names = ('cls_out_channels', 'num_classes', 'prior_generator')
        return all(hasattr(head, name) for name in names)

    @property
    def has_logits(self) -> bool:
        """Whether it returns logits rather than probabilities."""
        classes = {cls.__name__ for cls in type(self.module).__mro__}
        return classes.isdisjoint(_NO_LOGITS)

    @property
    def strides(self) -> list[tuple[int, ...]]:
        """By level, pixels between two positions."""
        return [tuple(stride) for stride in self.module.prior_generator.strides]

    @property
    def num_anchors(self) -> list[int]:
        """By level, the anchors of a position."""
        return list(self.module.prior_generator.num_base_priors)

    @property
    def anchors(self) -> list[list[float]]:
        """Those of the first position, all levels; none for points."""
        levels = getattr(self.module.prior_generator, 'base_anchors', [])
        return [anchor for level in levels for anchor in level.tolist()]

    def maps(self, outputs: Any) -> list[Tensor]:
        """The class logits by level (N, A * C, H, W) of what the head returned.

        Raises:
            ValueError: It returned something else.
        """
        maps = outputs[0] if isinstance(outputs, (tuple, list)) and outputs else None
        if not isinstance(maps, (tuple, list)) or any(
            not isinstance(level, Tensor) or level.ndim != 4 for level in maps
        ):
            raise ValueError(
                f'module {self.path!r} is expected to return class logits by level '
                f'first, got {type(outputs).__name__} of {type(maps).__name__}; '
                "compare its feature maps with on='neck'"
            )
        return list(maps)

    def label_taps(self) -> tuple[Tap, ...]:
        """Where the labels are noted that its assigner gives; none if they are not."""
        names = ('loss_cls', 'loss_obj') if self._is_yolox else ('loss_cls',)
        if not all(hasattr(self.module, name) for name in names):
            return ()
        return tuple(Tap(f'{self.path}.{name}', 'input') for name in names)

    def labels(self, outputs: Any, step: Step) -> Tensor:
        """The class (N, P) that its assigner gave each place; background is the last.

        Raises:
            ValueError: Its class loss does not get them.
        """
        maps = self.maps(outputs)
        calls = [step.noted(tap) for tap in self.label_taps()]
        if self._is_yolox:
            return self._yolox_labels(calls[0], calls[1], len(maps[0]))
        return assigned_labels(calls[0], num_places(maps, self.width), len(maps[0]))

    @property
    def _is_yolox(self) -> bool:
        """Whether its class loss gets assigned places only, beside an objectness."""
        return hasattr(self.module, 'multi_level_conv_obj')

    def _yolox_labels(self, classes: list, objects: list, num_images: int) -> Tensor:
        """The class loss gets the rows (F, C) of the assigned places in their order."""
        ((_, is_object, *_),) = objects
        is_object = is_object.flatten() > 0
        background = torch.full_like(
            is_object, self.module.num_classes, dtype=torch.long
        )
        if classes:
            ((_, targets, *_),) = classes
            count = (is_object.cumsum(0) - 1).clamp(0, len(targets) - 1)
            background = torch.where(is_object, targets.argmax(1)[count], background)
        return background.reshape(num_images, -1)


def why_not(student: DenseHead, teacher: DenseHead) -> Missing | None:
    """What keeps the rows of two heads from being of the same places, if anything."""
    heads = (student, teacher)
    if not all(head.has_logits for head in heads):
        names = ' and '.join(type(head.module).__name__ for head in heads)
        return Missing(
            f'of {names} one returns probabilities, not logits; compare feature maps '
            "with on='neck'"
        )
    for what in ('strides', 'num_anchors', 'anchors'):
        own, other = (getattr(head, what) for head in heads)
        if what == 'anchors' and (max(student.num_anchors) == 1 or _close(own, other)):
            continue
        if own != other:
            return Missing(_difference(what, own, other))
    return None


def _close(own: list[list[float]], other: list[list[float]]) -> bool:
    return len(own) == len(other) and torch.allclose(
        torch.tensor(own), torch.tensor(other), atol=1e-3
    )


def _difference(what: str, own: Any, other: Any) -> str:
    if what == 'anchors':
        own, other = next(
            pair for pair in zip(own, other, strict=True) if pair[0] != pair[1]
        )
    words = {
        'strides': 'strides of the levels',
        'num_anchors': 'numbers of anchors of a position, by level,',
        'anchors': 'anchors (x1, y1, x2, y2)',
    }
    return (
        f'the {words[what]} must be the same, but the student has {own} and the '
        f"teacher {other}; compare feature maps with on='neck', or take another teacher"
    )
