"""Pinned memory, which is only noted: the CPU has no other kind."""

from __future__ import annotations

import weakref

from torch import Tensor

__all__ = ['is_pinned', 'pin_memory']

_PINNED: weakref.WeakValueDictionary[int, object] = weakref.WeakValueDictionary()


def pin_memory(tensor: Tensor, device: object = None) -> Tensor:
    """A copy in memory that counts as pinned."""
    copy = tensor.clone()
    _PINNED[_key(copy)] = copy.untyped_storage()
    return copy


def is_pinned(tensor: Tensor, device: object = None) -> bool:
    """Whether its memory is such a copy's."""
    return tensor.device.type == 'cpu' and _key(tensor) in _PINNED


def _key(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata
