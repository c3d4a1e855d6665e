"""Bytes of live tensors and number of launched kernels, on any device.

For `map_cost.py` and the tests that bound what a loss adds to a step.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ['Cost', 'LiveMemory', 'cost']

# These compute nothing, beside the views, which say so themselves.
_NO_KERNEL = {'empty', 'empty_like', 'empty_strided', 'new_empty', 'new_empty_strided'}
_NO_KERNEL |= {'_unsafe_view', 'promote_types'}
# The scalar that these return keeps the storage of all that was reduced. Fake tensors
# do not show it.
_KEEPS_WHAT_IT_REDUCES = {'mse_loss', 'smooth_l1_loss'}


@dataclass(frozen=True)
class Cost:
    """Bytes at the peak beyond what was there before, and launched kernels."""

    peak: int
    launches: int


def cost(work: Callable[[], Any], *, known: Any) -> Cost:
    """What `work` costs beyond the tensors of `known`, which may be nested."""
    with LiveMemory(known) as live:
        work()
    return Cost(live.peak, live.launches)


class LiveMemory(TorchDispatchMode):
    """Adds up the storages that are alive, as operators make and release them.

    Workspaces of libraries such as cuDNN are no tensors and do not count.
    """

    def __init__(self, known: Any = ()) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}
        self.live = self.peak = self.launches = 0
        self.known = [leaf.untyped_storage() for leaf in _tensors(known)]
        for storage in self.known:
            self.sizes[storage._cdata] = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        # fake tensors ask for their device by an operator of their own, `prim`
        if func.namespace != 'prim' and not (func.is_view or name in _NO_KERNEL):
            self.launches += 1
        kept = _reduced(args) if name in _KEEPS_WHAT_IT_REDUCES else 0
        for tensor in _tensors(out):
            self._add(tensor.untyped_storage(), at_least=kept)
        return out

    def _add(self, storage: torch.UntypedStorage, at_least: int) -> None:
        key = storage._cdata
        if key not in self.sizes:
            self.sizes[key] = max(storage.nbytes(), at_least)
            self.live += self.sizes[key]
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._remove, key)

    def _remove(self, key: int) -> None:
        self.live -= self.sizes.pop(key, 0)


def _tensors(nested: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(nested) if isinstance(leaf, Tensor)]


def _reduced(args: Any) -> int:
    """Bytes of the errors of all pairs of numbers."""
    shape = torch.broadcast_shapes(args[0].shape, args[1].shape)
    return shape.numel() * args[0].element_size()
