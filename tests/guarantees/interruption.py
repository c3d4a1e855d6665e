"""Hooks that the resumed runs need, in this process and in those of the tools."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

__all__ = ['KillOnce', 'SeedEachEpoch']


@HOOKS.register_module(force=True)
class SeedEachEpoch(Hook):
    """MMEngine does not store the random state: a stock run needs this as well."""

    def before_train_epoch(self, runner: Runner) -> None:
        random.seed(runner.epoch)
        np.random.seed(runner.epoch)
        torch.manual_seed(runner.epoch)


@HOOKS.register_module(force=True)
class KillOnce(Hook):
    """SIGKILL for this process within the second epoch, unless `marker` exists.

    With `parent=True` for the process that started it as well, and first.
    """

    def __init__(self, marker: str, parent: bool = False) -> None:
        self.marker, self.parent = Path(marker), parent

    def after_train_iter(
        self, runner: Runner, batch_idx: int, *args: Any, **kwargs: Any
    ) -> None:
        if runner.epoch == 1 and batch_idx == 0 and not self.marker.exists():
            self.marker.touch()
            if self.parent:
                os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
