"""Shows which runs are under way, how far they are, and how long the rest takes."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ckd_mm.compare.runs import Run

__all__ = ['Position', 'Progress', 'clock', 'position']

# Seconds between two looks at the runs: on a terminal, and in a file.
LIVE, WRITTEN = 1.0, 60.0
# `Epoch(train)  [3][ 50/150]  lr: 0.1  loss: 1.2` or `Iter(train) [ 50/900]  ...`
LINE = re.compile(
    r'(?:Epoch|Iter)\(train\)\s+(?:\[\s*(\d+)\])?\[\s*(\d+)/(\d+)\]'
    r'(?:.* loss: (\S+))?'
)


@dataclass(frozen=True)
class Position:
    """How far a run is: iterations done, of how many, and the last loss."""

    done: int = 0
    total: int = 0
    loss: str = ''

    @property
    def share(self) -> float:
        """The share of the iterations that are done, validations aside."""
        return self.done / self.total if self.total else 0.0

    def __str__(self) -> str:
        if not self.total:
            return 'starting'
        loss = f'  loss {self.loss}' if self.loss else ''
        return f'{self.done:>4}/{self.total}{loss}'


class Progress:
    """Prints lines; on a terminal, those of the running runs replace each other.

    Args:
        num_runs: How many are to be trained.
        metric: The validation metric that is shown.
    """

    def __init__(self, num_runs: int, metric: str) -> None:
        self.num_runs, self.metric = num_runs, metric
        self._ended = 0
        self._live = sys.stdout.isatty()
        self._start = time.monotonic()
        self._due = self._start
        self._drawn = 0

    def end(self, run: Run, seconds: float, failure: str) -> None:
        """Say that a run has ended."""
        self._ended += 1
        outcome = 'FAILED' if failure else _found(run, self.metric)
        count = f'[{self._ended}/{self.num_runs}]'
        self._print(f'{count} {run.title}: {outcome}, {clock(seconds)}')
        if failure:
            self._print(failure)
        self._due = 0.0

    def show(self, running: Sequence[tuple[Run, float]]) -> None:
        """Say where the runs are that have started at these times."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + (LIVE if self._live else WRITTEN)
        positions = [position(run) for run, _ in running]
        width = max((len(run.title) for run, _ in running), default=0)
        lines = [
            f'  {run.title:<{width}}  {clock(now - since)}  {where}  '
            + _found(run, self.metric)
            for (run, since), where in zip(running, positions, strict=True)
        ]
        done = self._ended + sum(where.share for where in positions)
        if done > 0 and running:
            left = (now - self._start) * (self.num_runs - done) / done
            lines.append(f'  {self._ended} of {self.num_runs}, {clock(left)} left')
        self._clear()
        width = shutil.get_terminal_size().columns - 1
        for line in lines:  # one that wraps would be two to go up
            print(line[:width] if self._live else line.rstrip(), flush=True)
        self._drawn = len(lines) if self._live else 0

    def _print(self, text: str) -> None:
        self._clear()
        print(text, flush=True)

    def _clear(self) -> None:
        if self._drawn:
            print(f'\033[{self._drawn}A\033[J', end='')
        self._drawn = 0


def position(run: Run) -> Position:
    """How far a run is, from the log that it prints."""
    if not run.console.is_file():
        return Position()
    with run.console.open('rb') as file:
        file.seek(max(0, file.seek(0, 2) - 20_000))
        text = file.read().decode(errors='replace')
    lines = LINE.findall(text)
    if not lines:
        return Position()
    epoch, done, length, loss = lines[-1]
    if not epoch:
        return Position(int(done), int(length), loss)
    num_epochs = run.cfg.train_cfg.get('max_epochs') or int(epoch)
    before = (int(epoch) - 1) * int(length)
    return Position(before + int(done), num_epochs * int(length), loss)


def clock(seconds: float) -> str:
    """Hours, minutes and seconds.

    Examples:
        >>> clock(3725)
        '1:02:05'
    """
    minutes, seconds = divmod(int(seconds), 60)
    return f'{minutes // 60}:{minutes % 60:02d}:{seconds:02d}'


def _found(run: Run, metric: str) -> str:
    """The metric of the last validation, where there is one."""
    metrics = (run.record or {}).get('metrics', {})
    return f'{metric} {metrics[metric]:.4g}' if metric in metrics else ''
