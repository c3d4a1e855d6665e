"""Counts what makes the processor wait for a GPU, also where there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ['waits']

# Operators whose result, or its size, the processor must know.
OPERATORS = {
    '_local_scalar_dense',  # item(), int(), float(), bool(), `if tensor`
    *('nonzero', 'is_nonzero', 'masked_select', 'equal', 'allclose', 'bincount'),
    *('_unique', '_unique2', 'unique_dim', 'unique_consecutive', 'repeat_interleave'),
}
INDEXING = {'index', 'index_put', 'index_put_', '_index_put_impl_'}
# Copies from or to the device: on a CPU they are no operators, so calls are counted.
COPIES = {
    **{getattr(Tensor, name): name for name in ('tolist', 'numpy', 'cpu', 'cuda')},
}
MAKERS = {torch.tensor: 'tensor', torch.as_tensor: 'as_tensor'}


def waits(work: Callable[[], Any]) -> Counter[str]:
    """How often `work` waits for the device, or would if there was one, by operator."""
    found: Counter[str] = Counter()
    with _Operators(found), _Copies(found):
        work()
    return found


class _Operators(TorchDispatchMode):
    def __init__(self, found: Counter[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = func.overloadpacket.__name__
        if name in OPERATORS or (name in INDEXING and any(map(_is_mask, args[1]))):
            self.found[name] += 1
        return func(*args, **(kwargs or {}))


class _Copies(TorchFunctionMode):
    def __init__(self, found: Counter[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in COPIES:
            self.found[COPIES[func]] += 1
        elif func in MAKERS and 'device' in kwargs:
            self.found[MAKERS[func]] += 1
        elif func is Tensor.to and _copies(args, kwargs):
            self.found['to'] += 1
        return func(*args, **kwargs)


def _is_mask(index: Any) -> bool:
    return isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8)


def _copies(args: Any, kwargs: Any) -> bool:
    """Whether these arguments of `Tensor.to` name a device, and block."""
    values = (*args[1:], kwargs.get('device'))
    names_device = any(isinstance(value, (str, torch.device)) for value in values)
    return names_device and not kwargs.get('non_blocking', False)
