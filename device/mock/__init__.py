"""A CUDA device that is none: tensors say `cuda:0` and compute on the CPU.

    with mock_device() as device:
        x = torch.randn(4, device='cuda')
        with device.record() as step:
            x[x > 0].sum()
        step.waits, step.launches, step.peak_bytes, step.races

It shows device mixes, waits of the processor with their lines, copies, races of
streams, the dispatch of autocast, live bytes and numbers of launches. It shows nothing
about kernels: not their speed, their rounding, their determinism or their bugs.

Autograd counts devices once, in the first backward pass of a process. Call
:func:`start_autograd` before it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from device.mock.build import load
from device.mock.openmmlab import patched_openmmlab
from device.mock.patches import patched_torch
from device.mock.rules import MixedDevices
from device.mock.tensor import LEDGER, DispatchMode, MockTensor
from device.records import Record, noting

__all__ = ['MixedDevices', 'MockDevice', 'MockTensor', 'mock_device', 'start_autograd']


class MockDevice(Record):
    """The open mock, and the record of all that happened since it was opened."""

    is_mock = True

    @contextmanager
    def record(self) -> Iterator[Record]:
        """A record of what happens inside of a `with`."""
        with noting(Record(live_before=LEDGER.live)) as record:
            yield record


@contextmanager
def mock_device() -> Iterator[MockDevice]:
    """A CUDA device of this process, until the end of the `with`.

    Raises:
        RuntimeError: A backward pass ran before :func:`start_autograd`, or the library
            does not compile.
    """
    start_autograd()
    with (
        _installed(),
        patched_torch(),
        patched_openmmlab(),
        DispatchMode(),
        noting(MockDevice(live_before=LEDGER.live)) as device,
    ):
        assert isinstance(device, MockDevice)
        yield device


@functools.cache
def start_autograd() -> None:
    """Has autograd start a thread for one CUDA device, as it does where there is one.

    Raises:
        RuntimeError: It has counted the devices before.
    """
    with _installed(), patched_torch(), DispatchMode():
        number = torch.ones(1, requires_grad=True, device='cuda')
        try:
            (2 * number).backward()
        except RuntimeError as error:
            raise RuntimeError(
                'a backward pass ran before the mock device was prepared, so that '
                'autograd knows no device; call device.mock.start_autograd() before, '
                'as tests/device/conftest.py does'
            ) from error


@contextmanager
def _installed() -> Iterator[None]:
    library = load()
    library.fakecuda_install()
    try:
        yield
    finally:
        library.fakecuda_restore()
