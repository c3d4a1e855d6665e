"""Notes the results of a run, for comparisons of several runs."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ckd_mm.atomic import write_json

__all__ = ['RecordHook']


@HOOKS.register_module()
class RecordHook(Hook):
    """Writes `record.json` into the work dir, after each validation and at the end.

    Its content: `metrics` of the last validation, `iter` of it, `seconds` per
    iteration, data loading included (median), `bytes` of memory at the peak, on the
    GPU or, without one, of this process, and whether the training has `ended`. At the
    end the metrics are those of the last weights. These are validated unless that was
    done: a run that was killed after its last epoch, and resumed, lacks it.
    """

    # Before LoggerHook, which has MMEngine reset the count of GPU memory.
    priority = 'NORMAL'

    def __init__(self) -> None:
        self._iter: int | None = None
        self._metrics: dict[str, float] = {}
        self._gpu_bytes = 0

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Note the GPU memory; this does not wait for the GPU."""
        if torch.cuda.is_available():
            self._gpu_bytes = max(self._gpu_bytes, torch.cuda.max_memory_allocated())

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Note the metrics that are numbers."""
        self._iter, self._metrics = runner.iter, _numbers(metrics or {})
        self._write(runner, ended=False)

    def after_train(self, runner: Runner) -> None:
        """Validate the last weights, unless that was done."""
        if self._iter != runner.iter and runner.val_loop is not None:
            runner.val_loop.run()
        self._write(runner, ended=True)

    def _write(self, runner: Runner, ended: bool) -> None:
        times = runner.message_hub.log_scalars.get('train/time')
        content = dict(
            iter=self._iter,
            metrics=self._metrics,
            seconds=float(median(times.data[0])) if times else None,
            bytes=self._gpu_bytes or _peak_of_process(),
            ended=ended,
        )
        write_json(Path(runner.work_dir) / 'record.json', content)


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    found = {}
    for key, value in metrics.items():
        try:
            found[key] = float(value)
        except (TypeError, ValueError, RuntimeError):
            continue
    return found


def _peak_of_process() -> int:
    """Resident bytes at the peak.

    `getrusage` counts the memory that the parent had when it started this process,
    so Linux's own figure is better where there is one.
    """
    status = Path('/proc/self/status')
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith('VmHWM:'):
                return int(line.split()[1]) * 1024
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024
