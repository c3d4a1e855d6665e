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

    A run with a cached teacher does so by itself. This is for what it is compared with,
    the student alone or beside the teacher itself, when both are to see the same
    images: `dict(type='ReplayHook', epochs=5, seed=0)`.

    Args:
        epochs: After so many, those of the first epoch come again.
        seed: Another one makes others.

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
        """Give the runner its own data set back."""
        if self._replay is not None:
            self._replay.detach(runner)
            self._replay = None
