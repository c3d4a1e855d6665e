"""One training step, as the adapters see it."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ckd_mm.adapters.core.recorder import Recorder, Tap

__all__ = ['Step']


@dataclass(frozen=True)
class Step:
    """One training step of the student: what its forward got, and what was noted in it.

    Args:
        inputs: The preprocessed batch (N, 3, H, W).
        data_samples: The N data samples that came with it.
        student: Has noted the student's forward.
        epoch: Epochs of training done so far, with the fraction of the running one.
        terms: The terms that act in it; `None` is all.
        reruns: The passes that have run modules of the student once more.
        unlabelled: The same of the batch without labels beside it; `None` where no term
            of this run compares on one.
        taps: What the terms that act read of the student; `None` is all that any does.
        progress: The share of the run's iterations that are done, from 0 to 1.
    """

    inputs: Tensor
    data_samples: Sequence[Any]
    student: Recorder
    epoch: float = 0.0
    terms: Collection[str] | None = None
    reruns: set[Hashable] = field(default_factory=set)
    unlabelled: Step | None = None
    taps: Collection[Tap] | None = None
    progress: float = 0.0

    def acting(self, terms: Iterable[str]) -> list[str]:
        """Those of some terms that act in this step."""
        return [one for one in terms if self.terms is None or one in self.terms]

    def noted(self, tap: Tap) -> list[Any]:
        """All values of a tap of the student in this step, in the order of its calls.

        Raises:
            ValueError: A later operation wrote into a noted tensor.
        """
        return self.student.calls(tap)
