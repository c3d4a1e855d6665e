"""What is known of the benchmark's networks, and random checkpoints in its layout."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

__all__ = ['GOLDEN', 'NAMES', 'random_weights']

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / 'golden' / 'cifar_models.json').read_text()
)
NAMES = list(GOLDEN)


def random_weights(name: str) -> dict[str, Tensor]:
    """Every tensor random, BatchNorm's statistics and biases included.

    Double precision, and of a size that keeps the features of deep networks near 1, so
    that each of them matters for the logits.
    """
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for key, shape in GOLDEN[name]['state_dict']:
        if key.endswith('num_batches_tracked'):
            weights[key] = torch.tensor(1)
            continue
        value = torch.randn(shape, generator=generator, dtype=torch.float64)
        if key.endswith('running_var'):
            value = value.abs() + 0.5
        elif len(shape) > 1:
            value *= math.sqrt(2 / math.prod(shape[1:]))
        elif key.endswith('weight'):
            value = 0.5 + 0.1 * value
        else:
            value *= 0.3
        weights[key] = value
    return weights
