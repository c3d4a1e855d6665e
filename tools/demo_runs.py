"""Start a training run, show how far it is, and read its logs; for tools/demo.py."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

__all__ = ['Log', 'Run', 'RunFailed', 'read_log', 'train']

ROOT = Path(__file__).resolve().parents[1]
RECORD = 'demo_run.json'


class RunFailed(Exception):
    """A training process ended with an error; the message is for the user."""


@dataclass(frozen=True)
class Run:
    """One training run of the demo.

    Attributes:
        title: Name in the progress line, the table and the picture.
        config: Config file.
        work_dir: Where tools/train.py puts logs and checkpoints.
        metric: Log key of the metric that the progress line shows.
        options: Values for `--cfg-options`.
        data: Fingerprint of the data set.
    """

    title: str
    config: Path
    work_dir: Path
    metric: str
    options: dict[str, str] = field(default_factory=dict)
    data: str = ''

    @property
    def checkpoint(self) -> Path:
        """The last epoch's weights; nothing is chosen by validation results."""
        return self.work_dir / f'epoch_{self.num_epochs}.pth'

    @functools.cached_property
    def num_epochs(self) -> int:
        """The length of the schedule."""
        return Config.fromfile(self.config).train_cfg.max_epochs

    @property
    def console(self) -> Path:
        """What the process prints."""
        return self.work_dir / 'console.log'

    @property
    def fingerprint(self) -> str:
        """Of all that the result depends on: data, config and options."""
        cfg = Config.fromfile(self.config)
        cfg.merge_from_dict(self.options)
        text = self.data + json.dumps(cfg.to_dict(), default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def log_dir(self) -> Path | None:
        """The logs of the finished run, if this run was finished as it is described."""
        record_file = self.work_dir / RECORD
        if not record_file.exists() or not self.checkpoint.exists():
            return None
        record = json.loads(record_file.read_text())
        same = record['fingerprint'] == self.fingerprint
        return self.work_dir / record['log_dir'] if same else None


@dataclass(frozen=True)
class Log:
    """What a run has logged.

    Attributes:
        metrics: Validation results by iteration.
        seconds: Training time: all iterations, without set-up and validation.
    """

    metrics: dict[int, dict[str, float]]
    seconds: float

    @property
    def last(self) -> dict[str, float]:
        """The results of the last validation."""
        return self.metrics[max(self.metrics)]

    def curve(self, metric: str) -> dict[int, float]:
        """One metric by iteration."""
        return {step: entry[metric] for step, entry in self.metrics.items()}


def train(*runs: Run) -> list[Path]:
    """Run tools/train.py for each, at the same time, and show the progress.

    Returns:
        The folders with the runs' logs.

    Raises:
        RunFailed: A process failed; the others were stopped.
    """
    with contextlib.ExitStack() as stack:
        started = [(run, stack.enter_context(_started(run))) for run in runs]
        _watch(started)
    log_dirs = []
    for run in runs:
        log_dir = max(run.work_dir.glob('*/vis_data')).parent  # named after the time
        record = {'fingerprint': run.fingerprint, 'log_dir': log_dir.name}
        (run.work_dir / RECORD).write_text(json.dumps(record))
        log_dirs.append(log_dir)
    return log_dirs


def read_log(log_dir: Path) -> Log:
    """Read MMEngine's `vis_data/scalars.json`, one JSON object a line.

    A training line has the mean time of the iterations since the last line (the configs
    set `window_size` to the logging interval), a validation line the metrics.
    """
    metrics: dict[int, dict[str, float]] = {}
    seconds, last_step = 0.0, 0
    for line in (log_dir / 'vis_data' / 'scalars.json').read_text().splitlines():
        entry = json.loads(line)
        if 'loss' in entry:
            seconds += entry['time'] * (entry['step'] - last_step)
            last_step = entry['step']
        else:
            metrics[entry['step']] = entry
    return Log(metrics, seconds)


def _environment() -> dict[str, str]:
    """One thread, unless the user says otherwise.

    These models are too small to gain from a second one, and when another process keeps
    a core busy, two threads that wait for each other take 5 to 20 times as long as one.
    """
    return {'OMP_NUM_THREADS': '1', **os.environ}


@contextlib.contextmanager
def _started(run: Run) -> Iterator[subprocess.Popen[bytes]]:
    """A training process that is ended when the block is left."""
    run.work_dir.mkdir(parents=True, exist_ok=True)
    (run.work_dir / RECORD).unlink(missing_ok=True)
    command = [sys.executable, 'tools/train.py', str(run.config.resolve())]
    command += ['--work-dir', str(run.work_dir.resolve())]
    if run.options:
        command += ['--cfg-options', *(f'{k}={v}' for k, v in run.options.items())]
    with run.console.open('w') as console:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_environment(),
            stdout=console,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            _stop(process)


def _watch(started: list[tuple[Run, subprocess.Popen[bytes]]]) -> None:
    """Show where the runs are until all are done: every second, or every 20 s."""
    live = sys.stdout.isatty()
    interval = 1 if live else 20
    start = time.monotonic()
    due, drawn, running = start + interval, False, True
    while running:
        time.sleep(0.5)
        codes = [process.poll() for _, process in started]
        for (run, _), code in zip(started, codes, strict=True):
            if code:
                raise RunFailed(_failure(run, code))
        running = None in codes
        now = time.monotonic()
        if now >= due or not running:
            due = now + interval
            lines = [
                f'{run.title:<17}{_clock(now - start)}  {_progress(run, code)}'
                for (run, _), code in zip(started, codes, strict=True)
            ]
            _show(lines, live, over=drawn)
            drawn = live


def _show(lines: list[str], live: bool, over: bool) -> None:
    """Print lines, on a terminal over those from before."""
    if live:
        # a line that wraps would be two to go up
        width = shutil.get_terminal_size().columns - 1
        lines = [f'\033[K{line[:width]}' for line in lines]
    up = f'\033[{len(lines)}A' if over else ''
    print(up + '\n'.join(lines), flush=True)


def _failure(run: Run, code: int) -> str:
    tail = '\n'.join(run.console.read_text().splitlines()[-20:])
    return (
        f'{run.title}: training ended with exit code {code}. The end of '
        f'{run.console}:\n\n{tail}'
    )


def _progress(run: Run, code: int | None) -> str:
    """Where a run is, from the log that it prints."""
    text = run.console.read_text()
    lines = re.findall(
        r'Epoch\(train\)\s+\[\s*(\d+)\]\[\s*(\d+)/(\d+)\].* eta: (.+?)  .* loss: (\S+)',
        text,
    )
    if not lines:
        return 'starting'
    epoch, done, per_epoch, eta, loss = lines[-1]
    total = run.num_epochs * int(per_epoch)
    # the last iterations of an epoch are not printed
    iteration = total if code == 0 else (int(epoch) - 1) * int(per_epoch) + int(done)
    found = re.findall(rf'Epoch\(val\).* {re.escape(run.metric)}: (\S+)', text)
    metric = f'  {run.metric.split("/")[-1]} {found[-1]}' if found else ''
    end = f'done in {eta}' if code is None else 'done'
    return f'{iteration:>4}/{total}  loss {loss}{metric}  {end}'


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End what still runs; Ctrl-C has reached it already."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _clock(seconds: float) -> str:
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d}'
