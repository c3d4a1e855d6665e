"""The toy student and its data."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from .shares import STEPS, Toy


@pytest.fixture
def toy() -> Toy:
    torch.manual_seed(0)
    return Toy()


@pytest.fixture
def batches() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(8, 5, generator=generator) for _ in range(STEPS)]
