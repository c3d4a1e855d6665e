"""What is noted of work on a device: waits with their lines, launches, memory, races.

:class:`Record` is the interface that the mock and a real GPU share. All records that
are open note the same events, so that a part of a step can be recorded inside of the
record of the step.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

__all__ = ['Device', 'Record', 'Wait', 'noting', 'open_records', 'where']

ROOT = Path(__file__).resolve().parents[1]
_HERE = f'{Path(__file__).resolve().parent}/'
_OF_TORCH = '/site-packages/torch/'
_OPEN: list[Record] = []


@dataclass(frozen=True)
class Wait:
    """Something that the processor waits for.

    Args:
        what: An operator, or a copy between processor and device.
        lines: `file:line (function)` of the call and of its callers, without those of
            torch and of this folder; empty in a backward pass, which runs in a thread
            of torch.
    """

    what: str
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = re.sub(r':\d+', '', self.lines[0]) if self.lines else 'backward'
        return f'{self.what} at {place}'


@dataclass
class Record:
    """What happened while it was open.

    Args:
        waits: In their order.
        launches: Calls of operators that would launch at least one kernel; views and
            allocations are none.
        peak_bytes: The most that was live at a time, beyond what was live before.
        races: Uses of memory by two streams that nothing orders; of the mock alone.
        live_before: Bytes that were live when it was opened.
    """

    waits: list[Wait] = field(default_factory=list)
    launches: int = 0
    peak_bytes: int = 0
    races: list[str] = field(default_factory=list)
    live_before: int = 0

    def grow_to(self, live: int) -> None:
        """So many bytes are live now."""
        self.peak_bytes = max(self.peak_bytes, live - self.live_before)

    def counts(self) -> Counter[str]:
        """How often it waited, by operator, file and function."""
        return Counter(map(str, self.waits))


class Device(Protocol):
    """Where tensors of `torch.device('cuda')` live while it is open."""

    @property
    def is_mock(self) -> bool:
        """Whether it can tell races, and waits that torch does not report."""

    def record(self) -> AbstractContextManager[Record]:
        """A record that is open inside of a `with`."""


def open_records() -> list[Record]:
    """The records that note what happens now."""
    return _OPEN


@contextmanager
def noting(record: Record) -> Iterator[Record]:
    """Keep a record open."""
    _OPEN.append(record)
    try:
        yield record
    finally:
        _OPEN[:] = [one for one in _OPEN if one is not record]


def where(limit: int = 4) -> tuple[str, ...]:
    """The innermost lines of the code that runs, innermost first."""
    found: list[str] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and len(found) < limit:
        name = frame.f_code.co_filename
        if not (name.startswith((_HERE, '<')) or _OF_TORCH in name):
            found.append(f'{_short(name)}:{frame.f_lineno} ({frame.f_code.co_name})')
        frame = frame.f_back
    return tuple(found)


def _short(name: str) -> str:
    """A file's name within the folder that it was imported from."""
    folders = [one for one in (str(ROOT), *sys.path) if name.startswith(f'{one}/')]
    return name.removeprefix(f'{max(folders, key=len)}/') if folders else name
