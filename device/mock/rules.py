"""What each operator does on CUDA that it does not do on the CPU: wait, copy, refuse.

The rules are those of torch 2.10's sources. An operator that is not named here counts
as one that does not wait. That is wrong for operators that check their arguments on the
device, of which only `multinomial` is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from device.mock.nests import leaves
from device.mock.pinned import is_pinned

__all__ = ['Call', 'MixedDevices', 'check_devices', 'waits_of']

# Operators whose result, or its size, the processor must know.
WAITING = {
    *('_local_scalar_dense', 'is_nonzero', 'equal', 'allclose'),
    *('nonzero', 'masked_select', 'bincount', 'multinomial', 'nms'),
    *('_unique', '_unique2', 'unique_dim', 'unique_consecutive'),
}
PYTHON_RESULTS = {'_local_scalar_dense', 'is_nonzero', 'equal', 'allclose'}
COPIES = {'_to_copy', 'copy_'}
INDEXING = {'index', '_unsafe_index', 'index_put', 'index_put_', '_index_put_impl_'}
INDEXING |= {'_unsafe_index_put'}
# Operators that do not even take a CPU tensor without dimensions.
STRICT = {'cat', 'stack', 'mm', 'addmm', 'bmm', 'gather', 'scatter', 'index_select'}
STAGED = 2**16
"""Bytes from which a copy from pageable memory blocks, whatever it was told."""


class MixedDevices(RuntimeError):
    """CUDA and CPU tensors in one operator, as CUDA refuses them."""


@dataclass(frozen=True)
class Call:
    """One call of an operator.

    Args:
        name: The operator without its overload.
        args: As it was called.
        kwargs: As it was called.
        is_ours: Whether a tensor is on the device.
        mutates: Whether it changes its first argument.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    is_ours: Callable[[Any], bool]
    mutates: bool = False

    @cached_property
    def tensors(self) -> list[Tensor]:
        """All tensors among the arguments."""
        found = leaves((self.args, self.kwargs))
        return [leaf for leaf in found if isinstance(leaf, Tensor)]

    @cached_property
    def ours(self) -> list[Tensor]:
        """The tensors on the device."""
        return [one for one in self.tensors if self.is_ours(one)]

    @property
    def result_is_ours(self) -> bool:
        """Whether what it returns lies on the device."""
        if self.name in PYTHON_RESULTS:
            return False
        if self.name == 'copy_':
            return self.is_ours(self.args[0])
        device = self.kwargs.get('device')
        return bool(self.ours) if device is None else is_cuda(device)


def is_cuda(device: Any) -> bool:
    """Whether this names a CUDA device, as an argument of torch's functions."""
    if device is None:
        return False
    return isinstance(device, int) or torch.device(device).type == 'cuda'


def waits_of(call: Call) -> Iterator[str]:
    """What the processor would wait for in this call, in words."""
    if call.name in COPIES:
        yield from _waits_of_copy(call)
    elif call.name in INDEXING:
        yield from _waits_of_indices(call)
    elif call.name == 'repeat_interleave':
        if call.kwargs.get('output_size') is None:
            yield call.name
    elif call.name in WAITING and call.ours:
        yield call.name


def check_devices(call: Call) -> None:
    """Check that tensors of both devices meet only where CUDA allows it.

    Raises:
        MixedDevices: They do elsewhere.
    """
    if call.name in COPIES or not call.ours or call.name == 'set_':
        return
    foreign = [one for one in call.tensors if not call.is_ours(one)]
    if call.name in INDEXING:
        foreign = _foreign_of_indexing(call)
    elif call.name not in STRICT:
        foreign = [
            one for one in foreign if one.ndim or call.mutates and _is_self(one, call)
        ]
    if foreign:
        shapes = [tuple(one.shape) for one in foreign]
        raise MixedDevices(
            f'{call.name}: expected all tensors to be on one device, got tensors on '
            f'cuda:0 and on the CPU, the latter of shape {", ".join(map(str, shapes))}'
        )


def _is_cpu_number(call: Call, value: Tensor) -> bool:
    return not value.ndim and not call.is_ours(value)


def _is_self(tensor: Tensor, call: Call) -> bool:
    return bool(call.args) and tensor is call.args[0]


def _foreign_of_indexing(call: Call) -> list[Tensor]:
    """The indexed tensor, or values that are more than a number; indices are copied."""
    values = [one for one in call.args[2:3] if isinstance(one, Tensor) and one.ndim]
    return [one for one in (call.args[0], *values) if not call.is_ours(one)]


def _waits_of_copy(call: Call) -> Iterator[str]:
    source = call.args[1] if call.name == 'copy_' else call.args[0]
    if call.is_ours(source) == call.result_is_ours:
        return
    position = call.args[2] if call.name == 'copy_' and len(call.args) > 2 else False
    waits = not (position or call.kwargs.get('non_blocking', False))
    if call.result_is_ours:
        if waits:
            yield 'copy to the device'
        elif not is_pinned(source) and source.nbytes >= STAGED:
            yield 'copy of pageable memory to the device'
    elif waits:
        yield 'copy from the device'


def _waits_of_indices(call: Call) -> Iterator[str]:
    """Masks are made indices; indices on the CPU are copied."""
    indices = [one for one in call.args[1] if isinstance(one, Tensor)]
    masks = [one for one in indices if one.dtype in (torch.bool, torch.uint8)]
    fills = len(call.args) > 2 and _is_cpu_number(call, call.args[2])
    if masks and not fills:
        yield f'{call.name} with a mask'
    if call.ours and any(not call.is_ours(one) for one in indices):
        yield f'{call.name} with indices on the CPU'
