"""Streams and events that do nothing but count: vector clocks.

A stream has a time, which moves on with each operator, and knows up to which time of
each other stream it has waited. Work of another stream is ordered before a stream's
next operator if it lies in that time. All values are computed at once, in the order of
the calls.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ['Event', 'Stream', 'current_stream', 'default_stream', 'stream']

_numbers = itertools.count()


class Stream:
    """Stands for `torch.cuda.Stream`."""

    def __init__(self, device: Any = None, priority: int = 0, **_: Any) -> None:
        self.number = next(_numbers)
        self.device = torch.device('cuda', 0)
        self._reached = {self.number: 0}

    @property
    def time(self) -> int:
        """How many operators it has had."""
        return self._reached[self.number]

    def tick(self) -> None:
        """An operator begins."""
        self._reached[self.number] += 1

    def is_before(self, number: int, time: int) -> bool:
        """Whether what a stream did at a time may still be under way for this one."""
        return number != self.number and self._reached.get(number, 0) < time

    def wait_stream(self, other: Stream) -> None:
        """What follows comes after all that the other stream was given so far."""
        self.wait_event(other.record_event())

    def record_event(self, event: Event | None = None) -> Event:
        """A point of its work."""
        event = event or Event()
        event.reached = dict(self._reached)
        return event

    def wait_event(self, event: Event) -> None:
        """What follows comes after that point."""
        for number, time in event.reached.items():
            self._reached[number] = max(self._reached.get(number, 0), time)

    def synchronize(self) -> None:
        """The processor waits for it."""
        torch.cuda.synchronize()


class Event:
    """Stands for `torch.cuda.Event`."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.reached: dict[int, int] = {}

    def record(self, stream: Stream | None = None) -> None:
        """Mark a point of a stream's work."""
        (stream or current_stream()).record_event(self)

    def wait(self, stream: Stream | None = None) -> None:
        """Have a stream come after that point."""
        (stream or current_stream()).wait_event(self)

    def synchronize(self) -> None:
        """The processor waits for that point."""
        torch.cuda.synchronize()


_current = [Stream()]


def default_stream(device: Any = None) -> Stream:
    """The stream that work is on where nothing else is said."""
    return _current[0]


def current_stream(device: Any = None) -> Stream:
    """The stream that operators are on now."""
    return _current[-1]


@contextmanager
def stream(chosen: Stream | None) -> Iterator[None]:
    """Have the operators inside on another stream, as `torch.cuda.stream`."""
    _current.append(chosen or current_stream())
    try:
        yield
    finally:
        _current.pop()
