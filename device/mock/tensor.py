"""A tensor that says it is on `cuda:0` and computes on the CPU.

It is a wrapper: torch sees its device, shape and data type, and an inner tensor on the
CPU has the values. So operators with a result that depends on values run, such as
samplers, NMS and the Hungarian method. Each call comes to :func:`dispatch` below
autograd and autocast, which both act as they do on CUDA. What is not as on CUDA: order
of summation, TF32, and which half-precision kernels there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    return_and_correct_aliasing,
)

from device.mock.ledger import Ledger
from device.mock.nests import leaves, mapped
from device.mock.rules import Call, check_devices, is_cuda, waits_of
from device.mock.streams import current_stream
from device.records import Wait, open_records, where

__all__ = ['DispatchMode', 'MockTensor', 'launched', 'note_wait', 'to_device']

LEDGER = Ledger()
ALLOCATING = {'empty', 'empty_like', 'empty_strided', 'new_empty', 'new_empty_strided'}
make_cpu_tensor = torch.tensor


class MockTensor(Tensor):
    """A tensor of the mocked device.

    Args:
        on_cpu: Its values.
    """

    on_cpu: Tensor

    @staticmethod
    def __new__(cls, on_cpu: Tensor) -> MockTensor:
        return torch.Tensor._make_wrapper_subclass(
            cls,
            on_cpu.size(),
            strides=on_cpu.stride(),
            storage_offset=on_cpu.storage_offset(),
            dtype=on_cpu.dtype,
            layout=on_cpu.layout,
            device=torch.device('cuda', 0),
            requires_grad=False,
        )

    def __init__(self, on_cpu: Tensor) -> None:
        self.on_cpu = on_cpu

    def tolist(self) -> Any:
        """Waits, as any copy from the device."""
        note_wait('tolist')
        return self.on_cpu.tolist()

    def record_stream(self, stream: Any) -> None:
        """Keep its memory until this stream is done with it."""
        LEDGER.keep_for(self.on_cpu, stream)

    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(_listed(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        index = _listed(index)
        is_mask = isinstance(index, Tensor) and index.dtype == torch.bool
        if is_mask and isinstance(value, (int, float)):
            mask = index[(...,) + (None,) * (self.ndim - index.ndim)]
            self.masked_fill_(mask, value)  # as CUDA does, without a wait
        else:
            super().__setitem__(index, value)

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f'MockTensor({self.on_cpu!r})'

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return dispatch(func, args, kwargs or {})


class DispatchMode(TorchDispatchMode):
    """Brings calls without a tensor to the device, such as `zeros(device='cuda')`."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return dispatch(func, args, kwargs or {})


def dispatch(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Check one call of an operator, note it, and compute it on the CPU."""
    name = func.overloadpacket.__name__
    call = Call(name, args, kwargs, is_ours, func._schema.is_mutable)
    ours = call.ours
    if not ours and not is_cuda(kwargs.get('device')):
        return func(*args, **kwargs)
    check_devices(call)
    for what in waits_of(call):
        note_wait(what)
    out = _computed(func, call, ours)
    if launched(func):
        for record in open_records():
            record.launches += 1
    return return_and_correct_aliasing(func, args, kwargs, out) if ours else out


def is_ours(value: Any) -> bool:
    """Whether it is a tensor of the mocked device."""
    return isinstance(value, MockTensor)


def to_device(value: Any) -> Any:
    """The tensors in any nest of lists and dicts, wrapped."""
    return mapped(_wrapped, value)


def launched(func: Any) -> bool:
    """Whether an operator does work on the device, rather than make a view of it."""
    is_view = func.is_view and not func._schema.is_mutable
    return not is_view and func.overloadpacket.__name__ not in ALLOCATING


def note_wait(what: str) -> None:
    """The processor waits for the device."""
    wait = Wait(what, where())
    for record in open_records():
        record.waits.append(wait)


def run_inside(name: str, function: Any, args: Any, kwargs: Any) -> Any:
    """Call a function of a compiled library on the inner tensors."""
    tensors = [leaf for leaf in leaves((args, kwargs)) if is_ours(leaf)]
    inner_args, inner_kwargs = mapped(_unwrapped, (args, kwargs))
    stream = current_stream()
    stream.tick()
    LEDGER.read((one.on_cpu for one in tensors), stream, name)
    with torch.no_grad():
        out = to_device(function(*inner_args, **inner_kwargs))
    LEDGER.write(_inner(out), stream, name)
    for record in open_records():
        record.launches += 1
    return out


def _computed(func: Any, call: Call, ours: list[Any]) -> Any:
    inner_args, inner_kwargs = mapped(_unwrapped, (call.args, call.kwargs))
    if is_cuda(inner_kwargs.get('device')):
        inner_kwargs['device'] = torch.device('cpu')
    inner_kwargs.pop('pin_memory', None)
    stream = current_stream()
    stream.tick()
    LEDGER.read((one.on_cpu for one in ours), stream, call.name)
    out = func(*inner_args, **inner_kwargs)
    if not call.result_is_ours:
        return out
    out = to_device(out)
    LEDGER.write(_written(func, call, ours, out), stream, call.name)
    return out


def _written(func: Any, call: Call, ours: list[Any], out: Any) -> Iterable[Tensor]:
    """The inner tensors that an operator made or changed; a view is neither."""
    known = {one.on_cpu.untyped_storage()._cdata for one in ours}
    for inner in _inner(out):
        if inner.untyped_storage()._cdata not in known:
            yield inner
    for argument, value in zip(func._schema.arguments, call.args, strict=False):
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from _inner(value)


def _inner(out: Any) -> Iterable[Tensor]:
    return (leaf.on_cpu for leaf in leaves(out) if is_ours(leaf))


def _wrapped(value: Any) -> Any:
    plain = isinstance(value, Tensor) and not is_ours(value)
    return MockTensor(value) if plain else value


def _unwrapped(value: Any) -> Any:
    return value.on_cpu if isinstance(value, MockTensor) else value


def _listed(index: Any) -> Any:
    """An index in which lists are tensors, which CUDA copies to the device."""
    if isinstance(index, tuple):
        return tuple(map(_listed, index))
    if isinstance(index, (list, range)):
        note_wait('list as indices')
        kind = None if index else torch.long
        return MockTensor(make_cpu_tensor(list(index), dtype=kind))
    return index
