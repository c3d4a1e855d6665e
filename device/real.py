"""A real GPU behind the interface of the mock.

Waits are those that torch reports in its sync debug mode: copies and operators of its
own, not those of mmcv, and not explicit `synchronize`. Races are not found here: run
with `TORCH_CUDA_SANITIZER=1`. Written without a GPU at hand.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from device.mock.tensor import launched, note_wait
from device.records import Record, noting, open_records

__all__ = ['RealDevice', 'real_device']

REPORT = 'called a synchronizing CUDA operation'


class RealDevice(Record):
    """The GPU, and the record of all that happened since it was opened."""

    is_mock = False

    @contextmanager
    def record(self) -> Iterator[Record]:
        """A record of what happens inside of a `with`.

        The peak of a record in which another one is opened is that since the other's
        beginning.
        """
        torch.cuda.reset_peak_memory_stats()
        live = torch.cuda.memory_allocated()
        with noting(Record(live_before=live)) as record:
            yield record
        record.grow_to(torch.cuda.max_memory_allocated())


@contextmanager
def real_device() -> Iterator[RealDevice]:
    """The GPU of this process, with waits and launches counted.

    Raises:
        RuntimeError: There is none.
    """
    if not torch.cuda.is_available():
        raise RuntimeError('torch sees no CUDA device; without CKD_DEVICE=cuda the '
                           'same tests run on a mock')  # fmt: skip
    torch.zeros(1, device='cuda')
    with noting(RealDevice()) as device, _Launches(), _reported_waits():
        assert isinstance(device, RealDevice)
        yield device


class _Launches(TorchDispatchMode):
    """Counts the same calls as the mock."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if launched(func):
            for record in open_records():
                record.launches += 1
        return out


@contextmanager
def _reported_waits() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings('always', message=REPORT)
        show = warnings.showwarning

        def note(message: Warning | str, *rest: Any, **options: Any) -> None:
            if str(message).startswith(REPORT):
                note_wait('synchronising operation')
            else:
                show(message, *rest, **options)

        warnings.showwarning = note
        torch.cuda.set_sync_debug_mode('warn')
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode('default')
