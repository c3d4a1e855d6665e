"""What a dense head of MMDetection is: its grid, its classes, its labels."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.core.class_logits import ClassLogits
from ckd_mm.adapters.core.class_match import ClassSubset
from ckd_mm.adapters.core.pair_spec import Unavailable
from ckd_mm.adapters.core.prompts import (
    PROMPTS,
    has_prompts,
    num_tokens,
    why_other_tokens,
)
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.dense.layouts import layout_of
from ckd_mm.adapters.dense.priors import confidences, num_priors, rows_of

__all__ = ['PATHS', 'DenseHead', 'why_not']

PATHS = ('bbox_head', 'mask_head')
"""Where a one-stage detector has its dense head."""


class DenseHead:
    """A head that gives class logits of every position of every level.

    Args:
        model: The detector.
        path: The name of the head in it; by default the first of :data:`PATHS`.
    """

    def __init__(self, model: BaseModel, path: str = '') -> None:
        self.path = path or next(name for name in PATHS if self.fits(model, name))
        self.module: Any = model.get_submodule(self.path)
        self._layout = layout_of(self.module)
        classes: int = self.module.num_classes
        channels: int = getattr(self.module, 'cls_out_channels', classes)
        self.model = model
        self.has_prompts = has_prompts(model)
        if self.has_prompts:
            channels = classes = model.language_model.max_tokens
        self.width = self._layout.before + channels
        self.softmax = channels != classes
        self.logits = ClassLogits(
            classes,
            'softmax' if self.softmax else 'sigmoid',
            background=self.softmax,
            has_objectness=self._layout.objectness is not None,
        )

    @staticmethod
    def fits(model: BaseModel, path: str) -> bool:
        """Whether the model has such a head."""
        head = getattr(model, path, None)
        names = ['num_classes', *filter(None, [layout_of(head).grid])]
        if not all(hasattr(head, name) for name in names):
            return False
        return _num_inputs(head) <= (2 if has_prompts(model) else 1)

    @property
    def taps(self) -> tuple[Tap, ...]:
        """Where its class logits are noted, and the prompt if they are of one."""
        output = Tap('.'.join(filter(None, [self.path, self._layout.inner])))
        return (output, PROMPTS) if self.has_prompts else (output,)

    @property
    def has_logits(self) -> bool:
        """Whether the columns are classes, with one more for background at most."""
        loss = getattr(self.module, 'loss_cls', None)
        return not getattr(loss, 'custom_cls_channels', False)

    @property
    def has_fixed_anchors(self) -> bool:
        """Whether its box deltas are of boxes that the config gives."""
        return self._layout.fixed_anchors

    @property
    def is_rpn(self) -> bool:
        """Whether it says object or background, and no class."""
        classes = {cls.__name__ for cls in type(self.module).__mro__}
        return not classes.isdisjoint({'RPNHead', 'GARPNHead'})

    @property
    def strides(self) -> list[Any]:
        """By level, pixels between two positions, or what stands for them."""
        if not self._layout.grid:
            return [f'a heat map of {type(self.module).__name__}']
        grid = getattr(self.module, self._layout.grid)
        if isinstance(grid, (list, tuple)):
            return [f'{number} x {number} cells' for number in grid]
        return [tuple(stride) for stride in grid.strides]

    @property
    def num_anchors(self) -> list[int]:
        """By level, the anchors of a position."""
        return list(getattr(self._generator, 'num_base_priors', [1]))

    @property
    def anchors(self) -> list[list[float]]:
        """Those of the first position, all levels; none for points."""
        levels = getattr(self._generator, 'base_anchors', [])
        return [anchor for level in levels for anchor in level.tolist()]

    def maps(self, outputs: Any) -> list[Tensor]:
        """The class maps by level (N, A * width, H, W) of what the head returned.

        Raises:
            ValueError: It returned something else.
        """
        try:
            maps = self._layout.maps(outputs)
        except (IndexError, KeyError, TypeError):
            maps = None
        if not isinstance(maps, (tuple, list)) or any(
            not isinstance(level, Tensor) or level.ndim != 4 for level in maps
        ):
            raise ValueError(
                f'module {self.path!r} is expected to return class logits by level '
                f'first, got {type(outputs).__name__} of {type(maps).__name__}; '
                "compare its feature maps with on='neck'"
            )
        return list(maps)

    def class_rows(self, values: list[Any], rows: Tensor | None) -> Tensor:
        """The class logits (K, C), or (K, C + 1) with a softmax, of some rows.

        Args:
            values: What its taps noted.
            rows: Which.
        """
        found = rows_of(self.maps(values[0]), self.width, rows)
        found = found[:, self._layout.before :]
        if self.has_prompts:
            return found[:, : num_tokens(self.model, values[1])]
        return _logits(found) if self._layout.is_probability else found

    def objectness_rows(self, values: list[Any], rows: Tensor | None) -> Tensor:
        """Logits of an object (K, 1) of some rows, of a head with objectness."""
        assert self._layout.objectness is not None
        return rows_of(self._layout.objectness(self.module, values[0]), 1, rows)

    def confidences(
        self, values: list[Any], classes: ClassSubset | None = None
    ) -> Tensor:
        """How sure it is of an object at each anchor or point, (N, P).

        It ranks its boxes by this.

        Args:
            values: What its taps noted.
            classes: The classes that count; `None` is all.
        """
        outputs, *prompts = values
        maps = self.maps(outputs)
        if self.has_prompts:
            tokens = range(num_tokens(self.model, prompts[0]))
            classes = ClassSubset(tuple(tokens), self.width)
        return confidences(
            maps,
            self.width,
            first=self._layout.before,
            activation=self._activation,
            factors=self._layout.factors(self.module, outputs, maps),
            classes=classes,
        )

    def run(self, features: Any, prompts: Sequence[str] = ()) -> Any:
        """Run the head, so that a teacher's returns the same as in training.

        Some heads take shortcuts in eval mode, by their own flag. Their layers stay in
        eval mode.
        """
        texts = [self.model.language_model(prompts)] if self.has_prompts else []
        training = self.module.training  # of a student without labels
        self.module.training = training or not self._layout.alike_in_eval
        try:
            return self.module(features, *texts)
        finally:
            self.module.training = training

    def label_taps(self) -> tuple[Tap, ...]:
        """Where the labels of its assigner are noted; empty if no loss gets them."""
        return tuple(
            Tap(f'{self.path}.{name}', 'input')
            for name in self._layout.losses
            if isinstance(getattr(self.module, name, None), nn.Module)
        )

    def labels(self, outputs: Any, step: Step) -> Tensor:
        """The class (N, P) that its assigner gave each anchor or point.

        Background is the last class.

        Raises:
            ValueError: Its class loss does not get them.
        """
        maps = self.maps(outputs)
        calls = [step.noted(tap) for tap in self.label_taps()]
        by_level = num_priors(maps, self.width)
        return self._layout.labels(self.module, calls, by_level, len(maps[0]))

    def is_object(self, labels: Tensor) -> Tensor:
        """Which labels are of an object."""
        return (labels >= 0) & (labels < self.module.num_classes)

    @property
    def _generator(self) -> Any:
        return getattr(self.module, self._layout.grid or 'prior_generator', None)

    @property
    def _activation(self) -> str:
        if self._layout.is_probability:
            return 'none'
        return 'softmax' if self.softmax else 'sigmoid'


def why_not(student: DenseHead, teacher: DenseHead) -> Unavailable | None:
    """Why the rows of two heads are not of the same anchors or points, if so."""
    heads = (student, teacher)
    reason = why_other_tokens(student.model, teacher.model)
    if reason is not None:
        return reason
    if not all(head.has_logits for head in heads):
        names = ' and '.join(type(head.module).__name__ for head in heads)
        return Unavailable(
            f'of {names} one has other columns than its classes (SeesawLoss); compare '
            "feature maps with on='neck'"
        )
    for what in ('strides', 'num_anchors', 'anchors'):
        of_student, of_teacher = (getattr(head, what) for head in heads)
        if what == 'anchors' and (
            max(student.num_anchors) == 1 or _close(of_student, of_teacher)
        ):
            continue
        if of_student != of_teacher:
            return Unavailable(_difference(what, of_student, of_teacher))
    return None


def _num_inputs(head: Any) -> int:
    """What its forward needs: feature maps, and text or queries beside them."""
    parameters = inspect.signature(head.forward).parameters.values()
    any_number = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = [one for one in parameters if one.kind not in any_number]
    return sum(one.default is inspect.Parameter.empty for one in named)


def _logits(probabilities: Tensor) -> Tensor:
    """The exact inverse of the sigmoid, finite where the sigmoid was rounded.

    The probabilities are the root of a product. A product below the least number of its
    type is 0.
    """
    limits = torch.finfo(probabilities.dtype)
    least = (limits.tiny * limits.eps) ** 0.5
    known = probabilities.to(torch.promote_types(probabilities.dtype, torch.float32))
    known = known.clamp(least, 1 - limits.eps)
    return known.log() - torch.log1p(-known)


def _close(student: list[list[float]], teacher: list[list[float]]) -> bool:
    return len(student) == len(teacher) and torch.allclose(
        torch.tensor(student), torch.tensor(teacher), atol=1e-3
    )


def _difference(what: str, student: Any, teacher: Any) -> str:
    if what == 'anchors':
        student, teacher = next(
            pair for pair in zip(student, teacher, strict=True) if pair[0] != pair[1]
        )
    words = {
        'strides': 'strides of the levels',
        'num_anchors': 'numbers of anchors of a position, by level,',
        'anchors': 'anchors (x1, y1, x2, y2)',
    }
    return (
        f'the {words[what]} must be the same, but the student has {student} and '
        f"the teacher {teacher}; compare feature maps with on='neck', or take another "
        'teacher'
    )
