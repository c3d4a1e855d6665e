"""Steps of training: at weight 0, and in half precision."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from device.first_hour.answers.models import attached, faster_rcnn, gfl, step
from device.first_hour.places import Run

__all__ = ['amp', 'weight_zero']

NOISE = 10  # how many times the difference of stock runs a run may differ
ROUNDING = 1e-7  # of a weight in float32


def weight_zero(run: Run) -> str:
    """Beside a teacher at weight 0 the student is trained as without one.

    A GPU adds in no fixed order, so stock runs differ already.
    """
    stock = [_trained(run, None) for _ in range(3)]
    noise = max(_difference(one, two) for one, two in combinations(stock, 2))
    change = _difference(stock[0], _trained(run, 0.0))
    said = f'largest difference of a weight after 3 steps: {change:.1e}, between '
    said += f'stock runs {noise:.1e}'
    assert change <= NOISE * noise + ROUNDING, said
    return said


def amp(run: Run, dtype: str) -> str:
    """All losses stay finite; a two-stage student in float16, GFL in bfloat16.

    mmcv's RoIAlign has no bfloat16, and its NMS on a CPU no float16.
    """
    make = faster_rcnn if dtype == 'float16' and not run.dry else gfl
    models = make(run, dtype, lr=1e-4)
    with attached(models):
        logged = [step(models) for _ in range(2 if run.dry else 20)]
    wrong = {
        name
        for one in logged
        for name, value in one.items()
        if 'loss' in name and not math.isfinite(value)
    }
    assert not wrong, f'not finite: {sorted(wrong)}'
    scaler = getattr(models.optimizer, 'loss_scaler', None)
    scale = f', loss scale {scaler.get_scale():.0f}' if scaler is not None else ''
    first, last = (float(one['loss_ckd']) for one in (logged[0], logged[-1]))
    return f'{len(logged)} steps, loss_ckd {first:.4f} to {last:.4f}{scale}'


def _trained(run: Run, weight: float | None) -> Tensor:
    """The weights after three steps, with a term of this weight or without the hook."""
    models = faster_rcnn(run, lr=1e-3)
    hook: AbstractContextManager[Any] = nullcontext()
    if weight is not None:
        hook = attached(models, _weighted(models.distill, weight))
    with hook:
        for number in range(3):
            torch.manual_seed(number)
            step(models)
    parameters = models.student.parameters()
    return torch.cat([one.detach().flatten().cpu() for one in parameters])


def _weighted(distill: Mapping[str, Any], weight: float) -> dict[str, Any]:
    changed = copy.deepcopy(dict(distill))
    for term in changed.values():
        term['loss']['loss_weight'] = weight
    return changed


def _difference(one: Tensor, two: Tensor) -> float:
    return float((one - two).abs().max())
