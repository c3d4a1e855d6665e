"""What steps on the device are held to."""

from __future__ import annotations

import pytest
import torch

from device.steps import Steps

__all__ = ['check_values']


def check_values(found: Steps, on_cpu: Steps) -> None:
    """The logged values are those on the CPU, and so are the gradients."""
    for got, expected in zip(found.logs, on_cpu.logs, strict=True):
        assert got == pytest.approx(expected, rel=1e-4, abs=1e-6, nan_ok=True)
    for name, change in found.changes.items():
        torch.testing.assert_close(
            change, on_cpu.changes[name], rtol=1e-3, atol=1e-6, msg=name
        )
