"""Compute again in the backward pass what would take too much memory to keep."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TypeVar

from torch import Tensor
from torch.utils.checkpoint import checkpoint

__all__ = ['recomputed']

_Result = TypeVar('_Result')


def recomputed(function: Callable[..., _Result], *inputs: Tensor | None) -> _Result:
    """`function(*inputs, again=...)`, of which only inputs and output are kept.

    The backward pass calls it once more, then with `again=True`.
    """
    calls = count()
    return checkpoint(
        lambda *inputs: function(*inputs, again=next(calls) > 0),
        *inputs,
        use_reentrant=False,
        preserve_rng_state=False,
    )
