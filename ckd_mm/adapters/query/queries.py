"""What the parts read of a model with queries, whatever its head.

Shape suffixes: N images, Q queries, C classes.
"""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from ckd_mm.adapters.core.class_logits import ClassLogits
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step

__all__ = ['Queries']


class Queries(Protocol):
    """Where the last queries of a model are noted, and how they are read."""

    has_masks: bool
    """Whether each has a mask rather than a box."""

    has_prompts: bool
    """Whether the columns of the logits are tokens of a prompt."""

    reads_all_layers: bool
    """Whether each decoder layer gives queries, as of more images, or the last."""

    @property
    def num_layers(self) -> int:
        """The number of decoder layers."""

    def of_all_layers(self) -> Queries:
        """The queries of every decoder layer.

        Raises:
            ValueError: They are not known.
        """

    @property
    def taps(self) -> tuple[Tap, ...]:
        """Where logits and boxes or masks are noted."""

    @property
    def label_taps(self) -> tuple[Tap, ...]:
        """Where the labels are noted."""

    @property
    def class_logits(self) -> ClassLogits:
        """What the columns of the logits are, if they are classes."""

    def logits(self, values: list[Any]) -> Tensor:
        """Class logits (N, Q, C) of what the taps noted."""

    def boxes_or_masks(self, values: list[Any], step: Step) -> Tensor:
        """Boxes (N, Q, 4), relative to the image, or mask logits (N, Q, H, W)."""

    def labels(self, step: Step) -> Tensor:
        """The class (N * Q,) that the assigner gave each query."""
