"""Steps of any model on a random batch, as a runner would take them.

Whatever a library raises becomes a ValueError: what was tried, the type, the message.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import Tensor

from ckd_mm.errors import as_value_error
from ckd_mm.probing.batches import random_batch
from ckd_mm.random_state import preserved_random_state

__all__ = [
    'batch_that_trains',
    'first_iteration',
    'forward_seconds',
    'prediction_flops',
    'run_student',
    'training_step',
]

LARGER = (512, 512)
"""Height and width for models whose coarsest level would be too small."""


def batch_that_trains(model: BaseModel, shape: tuple[int, int]) -> dict[str, Any]:
    """A random batch of this size, or of a larger one if the model needs that.

    Raises:
        ValueError: No batch can be made, or the model's training step fails on it.
    """
    batch = random_batch(model, shape)
    try:
        run_student(model, batch)
    except ValueError as error:
        larger = random_batch(model, LARGER)
        try:
            run_student(model, larger)
        except ValueError:
            raise error from None
        return larger
    return batch


def run_student(model: BaseModel, batch: dict[str, Any]) -> dict[str, Any]:
    """The losses of one training step, which changes no weight.

    Raises:
        ValueError: It ends in any exception.
    """
    with _in_a_run(model):
        data = model.data_preprocessor(deepcopy(batch), True)
        return model(**data, mode='loss')


def training_step(
    model: BaseModel, batch: dict[str, Any], optimizer: OptimWrapper
) -> dict[str, Tensor]:
    """One training step as a runner takes it, and what it logs.

    Raises:
        ValueError: It ends in any exception.
    """
    with _in_a_run(model):
        return model.train_step(deepcopy(batch), optimizer)


@contextmanager
def _in_a_run(model: BaseModel) -> Iterator[None]:
    with (
        as_value_error(f'a training step of a {type(model).__name__}'),
        preserved_random_state(),
        first_iteration(),
    ):
        model.train()
        yield


@contextmanager
def first_iteration() -> Iterator[None]:
    """Tells models that it is the first iteration, as a runner does; some warm up."""
    hub = MessageHub.get_current_instance()
    added = [name for name in ('iter', 'epoch') if hub.get_info(name) is None]
    for name in added:
        hub.update_info(name, 0)
    try:
        yield
    finally:
        for name in added:
            hub.pop_info(name)


def forward_seconds(model: BaseModel, batch: dict[str, Any], repeats: int = 3) -> float:
    """The median time of a prediction after a first one, post-processing included.

    Without it, a model with masks would make one for each of its proposals.

    Raises:
        ValueError: The prediction ends in any exception.
    """
    seconds = []
    with as_value_error(f'a prediction of a {type(model).__name__}'):
        model.eval()
        data = model.data_preprocessor(_labelled(batch), False)
        for _ in range(1 + repeats):
            start = time.perf_counter()
            with torch.no_grad():
                model(data['inputs'], data['data_samples'], mode='predict')
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def prediction_flops(model: BaseModel, batch: dict[str, Any]) -> int:
    """Two for each multiply-add of a prediction's convolutions and matrix products.

    What mmcv's own operators compute, such as RoIAlign, is not counted.

    Raises:
        ValueError: The prediction ends in any exception.
    """
    from torch.utils.flop_counter import FlopCounterMode  # PyTorch 2.0 has none

    with as_value_error(f'a prediction of a {type(model).__name__}'), torch.no_grad():
        model.eval()
        data = model.data_preprocessor(_labelled(batch), False)
        with FlopCounterMode(display=False) as counter:
            model(data['inputs'], data['data_samples'], mode='predict')
    return int(counter.get_total_flops())


def _labelled(batch: dict[str, Any]) -> dict[str, Any]:
    """A copy of a batch, without its branches for images without labels."""
    return {
        key: deepcopy(value['sup'] if isinstance(value, dict) else value)
        for key, value in batch.items()
    }
