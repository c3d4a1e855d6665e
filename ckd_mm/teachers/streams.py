"""A second stream of work on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ['SideStream']


class SideStream:
    """A stream of a GPU beside the current one; on a CPU all work stays in order.

    A tensor made inside `beside` may be used after `join`, and may be let go at any
    time: its memory is only given to later work of this stream, which waits at the next
    `beside` for all that was to be done by then.

    Args:
        device: Where the work is done.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == 'cuda' else None

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Run what is inside after all earlier work, and beside all that follows."""
        if self._stream is None:
            yield
            return
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            yield

    def join(self) -> None:
        """Have what follows wait for what was inside."""
        if self._stream is not None:
            torch.cuda.current_stream(self._device).wait_stream(self._stream)
