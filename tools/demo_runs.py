"""Start a training run, show how far it is, and read its logs; for tools/demo.py."""

from __future__ import annotations

import hashlib
import json
import os
import re
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
        epochs = Config.fromfile(self.config).train_cfg.max_epochs
        return self.work_dir / f'epoch_{epochs}.pth'

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


def train(run: Run) -> Path:
    """Run tools/train.py and show its progress.

    Returns:
        The folder with the run's logs.

    Raises:
        RunFailed: The process failed.
    """
    run.work_dir.mkdir(parents=True, exist_ok=True)
    (run.work_dir / RECORD).unlink(missing_ok=True)
    before = set(_log_dirs(run.work_dir))
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
            _watch(run, process)
        finally:
            _stop(process)
    if process.returncode != 0:
        tail = '\n'.join(run.console.read_text().splitlines()[-20:])
        raise RunFailed(
            f'{run.title}: training ended with exit code {process.returncode}. The end '
            f'of {run.console}:\n\n{tail}'
        )
    (log_dir,) = set(_log_dirs(run.work_dir)) - before
    record = {'fingerprint': run.fingerprint, 'log_dir': log_dir.name}
    (run.work_dir / RECORD).write_text(json.dumps(record))
    return log_dir


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


def _log_dirs(work_dir: Path) -> Iterator[Path]:
    """MMEngine makes a folder named after the time for each start."""
    return (path.parent for path in work_dir.glob('*/vis_data'))


def _watch(run: Run, process: subprocess.Popen[bytes]) -> None:
    """Show a line that keeps itself up to date; without a terminal, one every 20 s."""
    live = sys.stdout.isatty()
    start = shown = time.monotonic()
    while process.poll() is None:
        time.sleep(0.5)
        now = time.monotonic()
        if live or now - shown >= 20:
            shown = now
            _show(f'{run.title:<16} {_clock(now - start)}  {_progress(run)}', live)
    _show(f'{run.title:<16} {_clock(time.monotonic() - start)}  {_progress(run)}', live)
    if live:
        print()


def _show(line: str, live: bool) -> None:
    # back to the start of the line, and empty it
    print(
        f'\r\033[K{line[:110]}' if live else line, end='' if live else '\n', flush=True
    )


def _progress(run: Run) -> str:
    """Where a run is, from the log that it prints."""
    text = run.console.read_text()
    train_lines = re.findall(
        r'Epoch\(train\)\s+\[\s*(\d+)\]\[\s*(\d+)/(\d+)\].* eta: (.+?)  .* loss: (\S+)',
        text,
    )
    if not train_lines:
        return 'starting'
    epoch, done, per_epoch, eta, loss = train_lines[-1]
    iteration = (int(epoch) - 1) * int(per_epoch) + int(done)
    found = re.findall(rf'Epoch\(val\).* {re.escape(run.metric)}: (\S+)', text)
    metric = f'{run.metric.split("/")[-1]} {found[-1]}' if found else ''
    return f'iteration {iteration:>4}  loss {loss}  training ends in {eta}  {metric}'


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
