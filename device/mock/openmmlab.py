"""The operators of mmcv and the device of MMEngine, for as long as a mock is open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest import mock

import mmcv._ext
import mmengine.device.utils
import mmengine.runner.runner
import torch.nn.functional as F
from mmdet.models.losses import focal_loss
from torch import Tensor

from device.mock.rules import Call, MixedDevices
from device.mock.tensor import is_ours, note_wait, run_inside

__all__ = ['patched_openmmlab']

WAITING = {'nms', 'softnms', 'nms_match', 'nms_rotated'}
"""Those that bring boxes to the processor to decide."""


@contextmanager
def patched_openmmlab() -> Iterator[None]:
    """Has mmcv's operators take tensors of the device, and MMEngine use it."""
    with ExitStack() as stack:
        for name in dir(mmcv._ext):
            operator = getattr(mmcv._ext, name)
            if callable(operator) and not name.startswith('_'):
                on_device = partial(_on_device, name, operator)
                stack.enter_context(mock.patch.object(mmcv._ext, name, on_device))
        for target, name, value in (
            (mmengine.device.utils, 'DEVICE', 'cuda'),
            (mmengine.runner.runner, 'collect_env', dict),
            (focal_loss, 'sigmoid_focal_loss', _sigmoid_focal_loss),
        ):
            stack.enter_context(mock.patch.object(target, name, value))
        yield


def _on_device(name: str, operator: Any, *args: Any, **kwargs: Any) -> Any:
    call = Call(name, args, kwargs, is_ours)
    if not call.ours:
        return operator(*args, **kwargs)
    if len(call.ours) < len(call.tensors):
        raise MixedDevices(f'mmcv.{name}: inconsistent devices of its tensors')
    if name in WAITING:
        note_wait(f'mmcv.{name}')
    return run_inside(name, operator, args, kwargs)


def _sigmoid_focal_loss(
    pred: Tensor, target: Tensor, *args: Any, **kwargs: Any
) -> Tensor:
    """MMDetection's form of it for the CPU: mmcv has a kernel for CUDA alone."""
    one_hot = F.one_hot(target, pred.size(1) + 1)[:, : pred.size(1)]
    return focal_loss.py_sigmoid_focal_loss(pred, one_hot, *args, **kwargs)
