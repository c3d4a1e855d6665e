"""Which runs are under way, how far they are, and how long the rest will take."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Sequence

from ckd_mm.compare.runs import Run

__all__ = ['Progress', 'clock', 'share_done']

# Seconds between two looks at the runs: on a terminal, and in a file.
LIVE, WRITTEN = 1.0, 60.0


class Progress:
    """Prints lines; on a terminal those of the running runs are drawn over.

    Args:
        num_runs: How many are to be trained.
    """

    def __init__(self, num_runs: int) -> None:
        self.num_runs = num_runs
        self._ended = 0
        self._live = sys.stdout.isatty()
        self._start = time.monotonic()
        self._due = self._start
        self._drawn = 0

    def end(self, run: Run, metric: str, seconds: float, failure: str) -> None:
        """Say that a run has ended."""
        self._ended += 1
        result = run.result
        said = f'{metric} {result["metrics"][metric]:.4g}' if result else 'FAILED'
        count = f'[{self._ended}/{self.num_runs}]'
        self._print(f'{count} {run.title}: {said}, {clock(seconds)}')
        if failure:
            self._print(failure)
        self._due = 0.0

    def show(self, running: Sequence[tuple[Run, float]]) -> None:
        """Say where the runs are that have started at these times."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + (LIVE if self._live else WRITTEN)
        shares = [share_done(run) for run, _ in running]
        lines = [
            f'  {run.title}: {share:.0%}, {clock(now - since)}'
            for (run, since), share in zip(running, shares, strict=True)
        ]
        done = self._ended + sum(shares)
        if done > 0 and running:
            left = (now - self._start) * (self.num_runs - done) / done
            lines.append(f'  {self._ended} of {self.num_runs}, {clock(left)} left')
        self._clear()
        width = shutil.get_terminal_size().columns - 1
        for line in lines:  # one that wraps would be two to go up
            print(line[:width] if self._live else line, flush=True)
        self._drawn = len(lines) if self._live else 0

    def _print(self, text: str) -> None:
        self._clear()
        print(text, flush=True)

    def _clear(self) -> None:
        if self._drawn:
            print(f'\033[{self._drawn}A\033[J', end='')
        self._drawn = 0


def share_done(run: Run) -> float:
    """How much of a run is done, from the log that it prints; validations aside."""
    if not run.console.is_file():
        return 0.0
    with run.console.open('rb') as file:
        file.seek(max(0, file.seek(0, 2) - 20_000))
        text = file.read().decode(errors='replace')
    epochs = re.findall(r'Epoch\(train\)\s+\[\s*(\d+)\]\[\s*(\d+)/(\d+)\]', text)
    num_epochs = run.cfg.train_cfg.get('max_epochs')
    if epochs and num_epochs:
        epoch, done, per_epoch = map(int, epochs[-1])
        return (epoch - 1 + done / per_epoch) / num_epochs
    iterations = re.findall(r'Iter\(train\)\s+\[\s*(\d+)/(\d+)\]', text)
    return int(iterations[-1][0]) / int(iterations[-1][1]) if iterations else 0.0


def clock(seconds: float) -> str:
    """Hours, minutes and seconds.

    Examples:
        >>> clock(3725)
        '1:02:05'
    """
    minutes, seconds = divmod(int(seconds), 60)
    return f'{minutes // 60}:{minutes % 60:02d}:{seconds:02d}'
