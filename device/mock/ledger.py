"""Every storage of the device: how many bytes live, and which stream used which when.

A race is an access that no stream has waited for. Three kinds are found, after each
operator, by the vector clocks of :mod:`device.mock.streams`:

- a read of what another stream writes,
- a write to what another stream still uses,
- an allocation from memory that was freed while another stream still uses it. The
  caching allocator gives freed memory to the stream that it was allocated on, at once;
  here any allocation of that stream counts, whatever its size.

Bytes are those of the storages that operators return. Work spaces inside of operators
and the rounding of the caching allocator are not among them.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field

from torch import Tensor

from device.mock.streams import Stream
from device.records import open_records, where

__all__ = ['Ledger']


@dataclass
class Use:
    """One storage.

    Args:
        bytes: Its size.
        home: The stream that it was allocated on.
        written: Stream and time of its last write.
        used: The time of the last use, by stream.
    """

    bytes: int
    home: int
    written: tuple[int, int]
    used: dict[int, int] = field(default_factory=dict)


class Ledger:
    """The storages that live, and those that were freed while in use."""

    def __init__(self) -> None:
        self.live = 0
        self._uses: dict[int, Use] = {}
        self._references: dict[int, weakref.ref] = {}
        self._freed: list[Use] = []

    def read(self, tensors: Iterable[Tensor], stream: Stream, operator: str) -> None:
        """An operator on this stream reads tensors that are on the device."""
        for tensor in tensors:
            use = self._uses.get(_key(tensor))
            if use is None:
                continue
            if stream.is_before(*use.written):
                _race(f'{operator} reads what another stream writes')
            use.used[stream.number] = stream.time

    def write(self, tensors: Iterable[Tensor], stream: Stream, operator: str) -> None:
        """An operator on this stream wrote tensors; those not seen yet are new."""
        for tensor in tensors:
            use = self._uses.get(_key(tensor))
            if use is None:
                self._allocate(tensor, stream, operator)
                continue
            if any(stream.is_before(*one) for one in use.used.items()):
                _race(f'{operator} writes what another stream uses')
            use.written = (stream.number, stream.time)
            use.used[stream.number] = stream.time

    def keep_for(self, tensor: Tensor, stream: Stream) -> None:
        """`record_stream`: its memory is not given away before this stream is done."""
        self._uses[_key(tensor)].used.pop(stream.number, None)

    def _allocate(self, tensor: Tensor, stream: Stream, operator: str) -> None:
        self._check_reuse(stream, operator)
        storage, key = tensor.untyped_storage(), _key(tensor)
        now = (stream.number, stream.time)
        self._uses[key] = Use(storage.nbytes(), stream.number, now, dict([now]))
        self._references[key] = weakref.ref(storage, lambda _: self._free(key))
        self.live += storage.nbytes()
        for record in open_records():
            record.grow_to(self.live)

    def _free(self, key: int) -> None:
        del self._references[key]
        use = self._uses.pop(key)
        self.live -= use.bytes
        if set(use.used) != {use.home}:
            self._freed.append(use)

    def _check_reuse(self, stream: Stream, operator: str) -> None:
        """Freed memory of this stream's pool may not be in use any more."""
        mine = [use for use in self._freed if use.home == stream.number]
        self._freed = [use for use in self._freed if use.home != stream.number]
        if any(stream.is_before(*one) for use in mine for one in use.used.items()):
            _race(f'{operator} may get memory that another stream still uses')


def _key(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _race(what: str) -> None:
    for record in open_records():
        record.races.append(f'{what}: {", ".join(where())}')
