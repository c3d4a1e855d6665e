"""Reads what MMEngine has left in a work dir: scalars, config and checkpoint."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

__all__ = ['Curve', 'History', 'read_history']

Curve = dict[int, float]
"""A value by iteration."""

TEACHER = 'teacher/'
_NOT_METRICS = ('time', 'data_time', 'step', 'epoch', 'iter')


@dataclass(frozen=True)
class History:
    """What a run has logged.

    Attributes:
        folder: Its work dir.
        config: The resolved config, as MMEngine dumped it.
        train: The scalars of training by iteration.
        val: The metrics of validation by iteration.
        teacher: The metrics of the teacher, if the run evaluated it.
        checkpoint: The last weights; `None` if they are not there.
    """

    folder: Path
    config: Config
    train: dict[int, dict[str, float]]
    val: dict[int, dict[str, float]]
    teacher: dict[str, float]
    checkpoint: Path | None

    @property
    def hook(self) -> dict[str, Any] | None:
        """The arguments of its DistillationHook; `None` for a student alone."""
        hooks = self.config.get('custom_hooks') or []
        return next((one for one in hooks if _is_distillation(one)), None)

    @property
    def terms(self) -> list[str]:
        """The names of the distill terms."""
        return list((self.hook or {}).get('distill') or {})

    @property
    def last(self) -> dict[str, float]:
        """The metrics of the last validation; empty without one."""
        return self.val[max(self.val)] if self.val else {}

    @property
    def seconds(self) -> float:
        """Training time: all iterations, without set-up and validation."""
        steps = sorted(self.train)
        pairs = zip([0, *steps], steps, strict=False)
        return sum(self.train[b].get('time', 0.0) * (b - a) for a, b in pairs)

    def statistics(self) -> dict[str, Curve]:
        """The curves of `<term>_<statistic>`, by that name."""
        starts = tuple(f'{term}_' for term in self.terms)
        names = {key for entry in self.train.values() for key in entry}
        found = sorted(name for name in names if starts and name.startswith(starts))
        return {name: curve(self.train, name) for name in found}

    def losses(self) -> dict[str, Curve]:
        """The curves of the whole loss and of each term's."""
        names = ['loss', *(f'loss_{term}' for term in self.terms)]
        curves = {name: curve(self.train, name) for name in names}
        return {name: one for name, one in curves.items() if one}

    def metrics(self) -> dict[str, Curve]:
        """The curves of the validation's metrics."""
        return {name: curve(self.val, name) for name in self.last}


def read_history(folder: str | Path) -> History:
    """Read a work dir of MMEngine's runner.

    A run that was resumed has several logs: a later one replaces what it repeats. So a
    run that was trained anew in its old folder counts alone.

    Args:
        folder: The work dir, of `tools/train.py` or of a comparison's single run.

    Raises:
        ValueError: It has no log.
    """
    folder = Path(folder)
    logs = sorted(folder.glob('*/vis_data/scalars.json'))
    configs = sorted(folder.glob('*/vis_data/config.py'))
    if not logs or not configs:
        raise ValueError(
            f'{folder} has no */vis_data/scalars.json with a config.py beside it; give '
            'the work dir of one run, such as work_dirs/NAME_OF_THE_CONFIG'
        )
    config = Config.fromfile(configs[-1], import_custom_modules=False)
    train: dict[int, dict[str, float]] = {}
    val: dict[int, dict[str, float]] = {}
    teacher: dict[str, float] = {}
    for log in logs:
        entries = list(_entries(log))
        starts = [entry['step'] for entry in entries if 'loss' in entry]
        for kept in (train, val) if starts else ():
            for step in [step for step in kept if step >= starts[0]]:
                del kept[step]
        _add(entries, _validates_by_epoch(config), train, val, teacher)
    return History(folder, config, train, val, teacher, _checkpoint(folder))


def curve(entries: Mapping[int, Mapping[str, float]], name: str) -> Curve:
    """One value by iteration, where it is there and finite."""
    found = {step: entry[name] for step, entry in entries.items() if name in entry}
    return {step: value for step, value in found.items() if math.isfinite(value)}


def _entries(log: Path) -> Iterator[dict[str, Any]]:
    """One JSON object a line; the last may be torn in a run that was killed."""
    for line in log.read_text().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if 'step' in entry:
            yield entry


def _add(
    entries: list[dict[str, Any]],
    by_epoch: bool,
    train: dict[int, dict[str, float]],
    val: dict[int, dict[str, float]],
    teacher: dict[str, float],
) -> None:
    """Sort the entries of one log; a validation by epoch gets the iteration."""
    iteration = max(train, default=0)
    for entry in entries:
        if 'loss' in entry:
            iteration = entry['step']
            train[iteration] = entry
        elif any(key.startswith(TEACHER) for key in entry):
            teacher.update(_metrics(entry, TEACHER))
        elif _metrics(entry):
            val[iteration if by_epoch else entry['step']] = _metrics(entry)


def _metrics(entry: Mapping[str, Any], start: str = '') -> dict[str, float]:
    """The metrics; COCO's -1 means that there is no object of that size."""
    return {
        key[len(start) :]: float(value)
        for key, value in entry.items()
        if key.startswith(start) and key not in _NOT_METRICS
        if isinstance(value, (int, float)) and math.isfinite(value) and value != -1
    }


def _validates_by_epoch(config: Config) -> bool:
    """Whether the step of a validation in the log is an epoch's number."""
    logger = (config.get('default_hooks') or {}).get('logger') or {}
    loop = config.get('train_cfg') or {}
    by_epoch = loop.get('by_epoch', 'Iter' not in str(loop.get('type', '')))
    return by_epoch and logger.get('log_metric_by_epoch', True)


def _checkpoint(folder: Path) -> Path | None:
    """The last one, also where the work dir was moved after the training."""
    note = folder / 'last_checkpoint'
    if not note.is_file():
        return None
    noted = Path(note.read_text().strip())
    return next((one for one in (folder / noted.name, noted) if one.is_file()), None)


def _is_distillation(hook: Any) -> bool:
    return isinstance(hook, dict) and hook.get('type') == 'DistillationHook'
