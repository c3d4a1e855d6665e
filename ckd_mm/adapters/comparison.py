"""What one `on` means: where both sides are noted, and what a loss can ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from torch import Tensor

from ckd_mm.recorders import Recorder, Tap

__all__ = ['Comparison', 'Extra', 'Step', 'Value']

Value: TypeAlias = Tensor | tuple[Tensor, ...]
"""One tensor, or one for each level of a pyramid, fine to coarse."""


@dataclass(frozen=True)
class Step:
    """One training step of the student: what its forward got, and what was noted in it.

    Args:
        inputs: The preprocessed batch (N, 3, H, W).
        data_samples: The N data samples that came with it.
        noted: Reads all calls of a student tap.
        epoch: Epochs of training done so far, with the fraction of the running one.
    """

    inputs: Tensor
    data_samples: Sequence[Any]
    noted: Callable[[Tap], list[Any]]
    epoch: float = 0.0


@dataclass(frozen=True)
class Extra:
    """What a pair can carry beside the two tensors; made only if a loss asks."""

    read: Callable[[Step], Any]
    taps: tuple[Tap, ...] = ()


def _as_it_is(value: Any, step: Step) -> Any:
    return value


@dataclass(frozen=True)
class Comparison:
    """What one `on` means.

    Args:
        student: Where the student's value is noted.
        teacher: Where the teacher's is.
        select: Takes what is compared out of what the module returned.
        levels: Whether that is a tuple of feature maps rather than one tensor.
        extras: What a loss can ask for by name in its `forward` signature, beside what
            every comparison of the adapter has.
        num_classes: Attribute path of the number of classes, in a comparison of class
            logits.
    """

    student: Tap
    teacher: Tap
    select: Callable[[Any, Step], Any] = _as_it_is
    levels: bool = False
    extras: Mapping[str, Extra] = field(default_factory=dict)
    num_classes: str | None = None

    def read(self, recorder: Recorder, tap: Tap, step: Step) -> Value:
        """What one side noted.

        Raises:
            ValueError: The module did not run exactly once in this step, or it does not
                return what can be compared.
        """
        calls = recorder.calls(tap)
        if len(calls) != 1:
            raise ValueError(
                f'module {tap.module!r} ran {len(calls)} times in one step, and a term '
                'needs a module that runs once; name one that does'
            )
        value = self.select(calls[0], step)
        if self.levels:
            return (value,) if isinstance(value, Tensor) else tuple(value)
        if isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        if not isinstance(value, Tensor):
            raise ValueError(
                f'module {tap.module!r} returns a {type(value).__name__}, and a term '
                'needs one tensor; name a module inside it that returns one'
            )
        return value
