"""Values without a graph, for who teaches and does not learn."""

from __future__ import annotations

from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Value

__all__ = ['detached']


def detached(value: Value) -> Value:
    """The value as a constant: no gradient goes through it."""
    if isinstance(value, Tensor):
        return value.detach()
    return tuple(level.detach() for level in value)
