"""Compute in float32 without keeping float32 copies of maps in half precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

__all__ = ['upcast', 'wide_dtype']


@contextmanager
def upcast(found: Sequence[tuple[Tensor, Tensor]]) -> Iterator[list[Tensor]]:
    """Turn autocast off and yield the first of each pair in float32 or wider.

    A convolution keeps its input. Of these maps it then keeps the narrow ones, which
    are there anyway, and the backward pass casts them again.
    """
    wide = [first.to(wide_dtype(first, second)) for first, second in found]
    keep = _Narrow([first for first, _ in found], wide)
    with torch.autocast(wide[0].device.type, enabled=False):
        if not keep.is_needed:
            yield wide
        else:
            with saved_tensors_hooks(keep, keep.use):
                yield wide


def wide_dtype(first: Tensor, second: Tensor) -> torch.dtype:
    """The wider type of both tensors, at least float32."""
    dtype = torch.promote_types(first.dtype, second.dtype)
    return torch.promote_types(dtype, torch.float32)


class _Narrow:
    """Keeps maps as they came where autograd would keep upcast copies of them."""

    def __init__(self, narrow: Sequence[Tensor], wide: Sequence[Tensor]) -> None:
        self.by_storage = {
            copy.untyped_storage()._cdata: (tensor, tensor._version, copy.dtype)
            for tensor, copy in zip(narrow, wide, strict=True)
            if copy is not tensor and copy.is_contiguous()
        }
        self.is_needed = bool(self.by_storage)

    def __call__(self, tensor: Tensor) -> Tensor | tuple[int, torch.Size]:
        key = tensor.untyped_storage()._cdata
        found = self.by_storage.get(key)
        if found is None or found[0].numel() != tensor.numel():
            return tensor
        return (key, tensor.shape) if tensor.is_contiguous() else tensor

    def use(self, kept: Tensor | tuple[int, torch.Size]) -> Tensor:
        if isinstance(kept, Tensor):
            return kept
        key, shape = kept
        narrow, version, dtype = self.by_storage[key]
        if narrow._version != version:
            raise RuntimeError(
                'feature maps were changed in place between the forward and the '
                'backward pass of the loss; choose another layer'
            )
        return narrow.detach().to(dtype).reshape(shape)
