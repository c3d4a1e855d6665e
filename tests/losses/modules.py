"""Losses with parameters in the form the battery has for functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import ckd_mm.losses  # noqa: F401 (registers)
from ckd_mm.registry import LOSSES, build

__all__ = ['ModuleFunction', 'build_with_weights']


def build_with_weights(class_name: str, dtype: torch.dtype, **config: Any) -> Any:
    """The loss, with the same random weights each time, none at a special value."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        loss = build(LOSSES, {'type': class_name, **config})
        with torch.no_grad():
            for parameter in loss.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
    return loss if dtype == torch.float32 else loss.to(dtype)


@dataclass(frozen=True)
class ModuleFunction:
    """A function of the batch: the loss itself, or a reference that reads its weights.

    Args:
        class_name: The registered loss.
        arguments: What it must be given.
        compute: What is computed of the module and the batch; the module's own forward
            if left out.
    """

    class_name: str
    arguments: dict[str, Any]
    compute: Callable[..., Tensor] = nn.Module.__call__

    def __call__(self, student: Tensor, *others: Any, **kwargs: Any) -> Tensor:
        dtype = torch.float64 if student.dtype == torch.float64 else torch.float32
        config = {'loss_weight': 1.0, **self.arguments, **kwargs}
        module = build_with_weights(self.class_name, dtype, **config)
        return self.compute(module, student, *others)
