"""What of torch does not come through its dispatcher, for as long as a mock is open.

Functions of `torch.cuda` that ask the driver, functions that make tensors of Python's
numbers, and `Module.to`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from device.mock import streams
from device.mock.nests import mapped
from device.mock.pinned import is_pinned, pin_memory
from device.mock.rules import is_cuda
from device.mock.tensor import (
    LEDGER,
    MockTensor,
    is_ours,
    make_cpu_tensor,
    note_wait,
    run_inside,
    to_device,
)

__all__ = ['patched_torch']

_as_cpu_tensor = torch.as_tensor
_module_to = nn.Module.to
_load = torch.load
_Generator = torch.Generator
_cpu_sparse, _cpu_sparse_sum = torch.sparse_coo_tensor, torch.sparse.sum


@contextmanager
def patched_torch() -> Iterator[None]:
    """Has torch find one CUDA device."""
    future = torch.__future__.get_overwrite_module_params_on_conversion()
    with ExitStack() as stack:
        for target, names in _replacements():
            for name, value in names.items():
                stack.enter_context(mock.patch.object(target, name, value))
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        try:
            yield
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(future)


def _replacements() -> list[tuple[Any, dict[str, Any]]]:
    return [
        (torch, {'tensor': _tensor, 'as_tensor': _as_tensor, 'load': _loaded}),
        (torch, {'Generator': _MockGenerator, 'sparse_coo_tensor': _sparse}),
        (torch.sparse, {'sum': _sparse_sum}),
        (Tensor, {'new_tensor': _new_tensor}),
        (Tensor, {'pin_memory': pin_memory, 'is_pinned': is_pinned}),
        (nn.Module, {'to': _moved}),
        (torch.cuda, {**_DRIVER, **_STREAMS}),
        (torch.cuda.amp.common, {'amp_definitely_not_available': lambda: False}),
    ]


_DRIVER: dict[str, Any] = {
    '_lazy_init': lambda: None,
    'is_available': lambda: True,
    'is_initialized': lambda: True,
    'is_bf16_supported': lambda *_: True,
    'device_count': lambda: 1,
    'current_device': lambda: 0,
    'get_device_name': lambda *_: 'mock',
    'get_device_capability': lambda *_: (9, 0),
    'manual_seed': lambda _: None,
    'manual_seed_all': lambda _: None,
    'get_rng_state': lambda *_: torch.zeros(16, dtype=torch.uint8),
    'set_rng_state': lambda *_, **__: None,
    'memory_allocated': lambda *_: LEDGER.live,
    'max_memory_allocated': lambda *_, **__: LEDGER.live,
    'reset_peak_memory_stats': lambda *_: None,
    'empty_cache': lambda: None,
    'synchronize': lambda *_: note_wait('synchronize'),
}
_STREAMS = {name: getattr(streams, name) for name in streams.__all__}


class _MockGenerator(_Generator):
    """A generator of the device draws on the CPU."""

    def __new__(cls, device: Any = 'cpu') -> _MockGenerator:
        return super().__new__(cls, 'cpu')  # type: ignore[call-arg]


def _tensor(data: Any, *, device: Any = None, **options: Any) -> Tensor:
    if not is_cuda(device) or isinstance(data, Tensor):
        return make_cpu_tensor(data, device=device, **options)
    note_wait('tensor of numbers')
    grad = options.pop('requires_grad', False)
    options.pop('pin_memory', None)
    data = mapped(_number, data)
    return to_device(make_cpu_tensor(data, **options)).requires_grad_(grad)


def _number(value: Any) -> Any:
    return value.item() if is_ours(value) else value  # waits for each


def _as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    if isinstance(data, Tensor):
        return data.to(device=device or data.device, dtype=dtype or data.dtype)
    if is_cuda(device):
        return _tensor(data, dtype=dtype, device=device)
    return _as_cpu_tensor(data, dtype=dtype, device=device)


def _new_tensor(like: Tensor, data: Any, **options: Any) -> Tensor:
    options = {'dtype': like.dtype, 'device': like.device, **options}
    if isinstance(data, Tensor):
        copy = data.detach().clone()
        return copy.to(options['device'], options['dtype'])
    return _tensor(data, **options)


def _sparse(indices: Tensor, values: Tensor, *args: Any, **options: Any) -> Tensor:
    """A dense tensor of the same values, as a wrapper has no sparse layout."""
    if not is_ours(values):
        return _cpu_sparse(indices, values, *args, **options)
    if torch.is_grad_enabled() and values.requires_grad:
        raise NotImplementedError('the mock has no gradient of sparse tensors')
    note_wait('sparse_coo_tensor')  # for its size, or to check the indices
    inputs = indices, values, *args
    return run_inside('sparse_coo_tensor', _dense, inputs, options)


def _dense(*args: Any, **options: Any) -> Tensor:
    return _cpu_sparse(*args, **options).to_dense()


def _sparse_sum(values: Tensor, dim: Any = None, **options: Any) -> Tensor:
    if not is_ours(values):
        return _cpu_sparse_sum(values, dim, **options)
    return values.sum(dim, **options)


def _moved(module: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
    """`Module.to`, which leaves parameters alone that are there already.

    Others become new objects, which they do not on CUDA, since torch cannot give a
    parameter the data of another type of tensor.
    """
    named = args[0] if args and not args[1:] and not kwargs else None
    if isinstance(named, (str, torch.device)) and is_cuda(named):
        tensors = [*module.parameters(), *module.buffers()]
        if all(isinstance(one, MockTensor) for one in tensors):
            return module
    return _module_to(module, *args, **kwargs)


def _loaded(file: Any, map_location: Any = None, **options: Any) -> Any:
    """`torch.load`, which would ask the driver for the device."""
    if isinstance(map_location, (str, torch.device)) and is_cuda(map_location):
        return tree_map(_placed, _load(file, map_location='cpu', **options))
    return _load(file, map_location=map_location, **options)


def _placed(value: Any) -> Any:
    return (
        value.to('cuda') if isinstance(value, Tensor) and not is_ours(value) else value
    )
