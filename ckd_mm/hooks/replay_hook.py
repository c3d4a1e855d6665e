"""The augmentations of a cached teacher, in a run that has none."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ckd_mm.cache.replay import Replay

__all__ = ['ReplayHook']


@HOOKS.register_module()
class ReplayHook(Hook):
    """Makes the augmentations of a run a function of seed, epoch and sample.

    A run with a cached teacher does so by itself. This hook is for the runs that it is
    compared with, such as the student alone, so that both see the same images:
    `dict(type='ReplayHook', epochs=5, seed=0)`.

    Args:
        epochs: After so many epochs, the augmentations of the first come again.
        seed: Another seed makes other augmentations.

    Raises:
        ValueError: A number is out of range.
    """

    def __init__(self, epochs: int, seed: int = 0) -> None:
        self.epochs, self.seed = epochs, seed
        self._replay: Replay | None = None

    def before_train(self, runner: Runner) -> None:
        """Replay from now on."""
        self.after_train(runner)  # of a run that has raised
        self._replay = Replay.attach(runner, self.epochs, self.seed)

    def before_train_epoch(self, runner: Runner) -> None:
        """Go to the augmentations of this epoch."""
        assert self._replay is not None
        self._replay.start(runner.epoch)

    def after_train(self, runner: Runner, *args: Any) -> None:
        """Give the runner its data set back."""
        if self._replay is not None:
            self._replay.detach(runner)
            self._replay = None
