"""The run that measures: the first iterations of the user's run, and no more."""

from __future__ import annotations

import contextlib
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook
from ckd_mm.suggest.probe import Measured, ProbeController, measured_iterations

__all__ = ['Measurements', 'measure']


@dataclass(frozen=True)
class Measurements:
    """What a run has measured, by the names of its terms.

    Args:
        gradients: By term and iteration.
        statistics: The mean of each statistic over the iterations, by term.
    """

    gradients: Mapping[str, Sequence[Measured]]
    statistics: Mapping[str, Mapping[str, float]]


def measure(cfg: Config, iters: int) -> Measurements:
    """Train for some iterations, and measure the terms.

    Args:
        cfg: What :func:`probing_config` gives.
        iters: How many iterations.

    Raises:
        ValueError: Something in the config is wrong, the run is shorter than this, or a
            term has no gradient.
    """
    runner = Runner.from_cfg(cfg)
    stop = _Stop(iters)
    runner.register_hook(stop, priority='LOWEST')
    with contextlib.suppress(_Done):
        runner.train()
    hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
    gradients = {}
    for term in hook.terms:
        assert isinstance(term.controller, ProbeController)
        gradients[term.name] = term.controller.measured
    return Measurements(gradients, stop.means(list(gradients)))


class _Done(Exception):
    """The last iteration is done."""


class _Stop(Hook):
    """Ends the run after some iterations, and keeps what they log."""

    def __init__(self, iters: int) -> None:
        self._iters = iters
        self._logged: dict[str, list[float]] = defaultdict(list)

    def before_train(self, runner: Runner) -> None:
        if runner.max_iters < self._iters:
            raise ValueError(
                f'the run of this config has {runner.max_iters} iterations, and '
                f'{self._iters} are to be measured; ask for fewer with --iters'
            )

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Any] | None = None,
    ) -> None:
        if runner.iter in measured_iterations(self._iters):
            for key, value in (outputs or {}).items():
                self._logged[key].append(torch.as_tensor(value).item())
        if runner.iter + 1 == self._iters:
            raise _Done

    def means(self, terms: Sequence[str]) -> dict[str, dict[str, float]]:
        """The mean of what was logged of each term beside its loss."""
        found: dict[str, dict[str, float]] = {term: {} for term in terms}
        for key, values in self._logged.items():
            owners = [term for term in terms if key.startswith(f'{term}_')]
            if owners:
                owner = max(owners, key=len)  # `kd` and `kd_2` are two terms
                found[owner][key[len(owner) + 1 :]] = statistics.mean(values)
        return found
