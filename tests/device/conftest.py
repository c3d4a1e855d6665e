"""The device of the tests: a mock, or with `CKD_DEVICE=cuda` the GPU of the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from device.mock import mock_device, start_autograd
from device.real import real_device

ON_GPU = os.environ.get('CKD_DEVICE') == 'cuda'

# Autograd counts devices in the first backward pass of the process, which another test
# may run. Conftests are read before all tests.
if not ON_GPU:
    start_autograd()


@pytest.fixture
def device() -> Iterator[Any]:
    """Where tensors of `cuda` live in this test."""
    with real_device() if ON_GPU else mock_device() as opened:
        yield opened


@pytest.fixture
def mock(device: Any) -> Any:
    """The device, for what only the mock can tell."""
    if not device.is_mock:
        pytest.skip('a GPU does not tell: races, waits of mmcv, refusals to mix')
    return device
