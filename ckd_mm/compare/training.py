"""Train runs, several at a time, each in a separate process.

This is the one place that starts trainings, for tools/compare.py, tools/chain.py and
tools/demo.py.
`setup_env` runs its commands itself, since it works before this package is installed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import torch

from ckd_mm.atomic import write_json
from ckd_mm.commands.environment import commit
from ckd_mm.compare.progress import Progress
from ckd_mm.compare.runs import Run

__all__ = [
    'RunFailed',
    'UnknownMetric',
    'check_metrics',
    'gpu_slots',
    'locked',
    'train',
    'train_anew',
]

POLL_SECONDS = 0.5
TAIL = 20
LACKS_FIRST = 'the training that it begins after has failed'


class RunFailed(Exception):
    """A training process ended with an error; the message is for the user."""


class UnknownMetric(ValueError):
    """The validation does not give the metric of the comparison or chain."""


@dataclass(frozen=True)
class _Started:
    run: Run
    process: subprocess.Popen[bytes]
    slot: dict[str, str]
    since: float
    resumed: bool


def train(
    runs: Sequence[Run],
    metrics: Sequence[str],
    slots: Sequence[dict[str, str]],
    tool: Path,
    lock: IO[str] | None = None,
    after_each: Callable[[Mapping[str, str]], None] = lambda failures: None,
    cwd: Path | None = None,
) -> dict[str, str]:
    """Train runs; one that fails does not stop the others.

    Args:
        runs: What is to be trained.
        metrics: A run whose validation lacks one of them stops everything. The first
            is shown.
        slots: Environment variables by slot. Each slot takes one run at a time.
        tool: The training tool, tools/train.py.
        lock: The lock of :func:`locked`; the processes hold it too.
        after_each: Called when a run has ended, with what went wrong so far. An error
            that it raises ends the other runs.
        cwd: Folder that the configs' paths start from; the current one by default.

    Returns:
        What went wrong, by the title of the run.

    Raises:
        UnknownMetric: The metric's name is wrong.
    """
    waiting, free = list(runs), list(slots)
    started: list[_Started] = []
    failures: dict[str, str] = {}
    progress = Progress(len(runs), metrics[0])
    try:
        while waiting or started:
            while free and (run := _next(waiting)) is not None:
                started.append(_start(run, free.pop(0), tool, lock, cwd))
            if not started:
                failures |= {run.title: LACKS_FIRST for run in waiting}
                break
            time.sleep(POLL_SECONDS)
            for one in list(started):
                check_metrics(one.run, metrics)
                code = one.process.poll()
                if code is None:
                    continue
                started.remove(one)
                free.append(one.slot)
                failure = _ended(one, code)
                if failure:
                    failures[one.run.title] = failure
                after_each(failures)
                progress.end(one.run, time.monotonic() - one.since, failure)
            progress.show([(one.run, one.since) for one in started])
    finally:
        for one in started:
            _stop(one.process)
    return failures


def train_anew(
    runs: Sequence[Run],
    metric: str,
    slots: Sequence[dict[str, str]],
    tool: Path,
    cwd: Path,
) -> None:
    """Train runs from their start, see :func:`train`; one that fails ends the others.

    Raises:
        RunFailed: A run has failed.
    """

    def stop_at(failures: Mapping[str, str]) -> None:
        for title, text in failures.items():
            raise RunFailed(
                f'{title}: {text}\n\n'
                'a training has failed; mend what its log says, and start again'
            )

    for run in runs:
        run.forget()
    train(runs, [metric], slots, tool, after_each=stop_at, cwd=cwd)


def check_metrics(run: Run, metrics: Sequence[str]) -> None:
    """Refuse metrics that a validation, finished or under way, has not given.

    Raises:
        UnknownMetric: It lists the metrics that there are.
    """
    found = run.result or run.record
    if found is None or run.is_first or not found['metrics']:
        return  # a detector that finds nothing has none
    for metric in metrics:
        if metric not in found['metrics']:
            raise UnknownMetric(
                f'{run.title}: the validation gives no {metric!r}; it gives '
                f'{sorted(found["metrics"])}: set metric to one of them'
            )


def gpu_slots(numbers: Sequence[int]) -> list[dict[str, str]]:
    """A slot for each GPU, counted as PyTorch counts those that are visible.

    Raises:
        ValueError: There is no such GPU. A run would go to the CPU without a word.
    """
    count = torch.cuda.device_count()
    visible = os.environ.get('CUDA_VISIBLE_DEVICES')
    names = visible.split(',') if visible else [str(i) for i in range(count)]
    for number in numbers:
        if not 0 <= number < count:
            raise ValueError(f'there is no GPU {number}: PyTorch sees {count}')
    return [{'CUDA_VISIBLE_DEVICES': names[number]} for number in numbers]


@contextlib.contextmanager
def locked(work_dir: Path, source: Path) -> Iterator[IO[str]]:
    """Keep a folder to one comparison or chain, and to one process at a time.

    The training processes inherit the lock: while one is left of a call that was
    killed, the folder stays locked.

    Args:
        work_dir: The folder, made if it is not there.
        source: Config of the comparison or chain that it is for.

    Raises:
        ValueError: The folder is in use, or has the results of another config.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    with (work_dir / 'lock').open('a+') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ValueError(
                'another call of this tool, or a training that it started, still runs '
                f'in {work_dir}; wait for it, or end it'
            ) from error
        lock.seek(0)
        name = os.path.relpath(source, work_dir)
        owner = lock.read() or name
        if owner != name:
            raise ValueError(
                f'{work_dir} has the results of {work_dir / owner}, not of {source}; '
                'give another --work-dir'
            )
        lock.truncate(0)
        lock.write(name)
        lock.flush()
        yield lock


def _next(waiting: list[Run]) -> Run | None:
    """Take the first run that can be started; None if there is none."""
    run = next((run for run in waiting if run.is_ready), None)
    if run is not None:
        waiting.remove(run)
    return run


def _start(
    run: Run,
    slot: dict[str, str],
    tool: Path,
    lock: IO[str] | None,
    cwd: Path | None,
) -> _Started:
    """Start the process of a run, from its last checkpoint if there is one.

    It has one thread, unless the user or the slot says otherwise. Small models gain
    nothing from a second one, and threads that wait for each other on a busy core take
    5 to 20 times as long.
    """
    resume = run.can_resume
    if not resume:
        run.forget()
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / 'record.json').unlink(missing_ok=True)
    command = [sys.executable, str(tool), str(run.write_config().resolve())]
    command += ['--resume'] if resume else []
    with run.console.open('w') as console:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={'OMP_NUM_THREADS': '1', **os.environ, **slot},
            stdout=console,
            stderr=subprocess.STDOUT,
            pass_fds=[lock.fileno()] if lock else [],
        )
    return _Started(run, process, slot, time.monotonic(), resume)


def _ended(one: _Started, code: int) -> str:
    """Keep the result of a run that has ended; what went wrong, or empty."""
    record = one.run.record
    if code or record is None or not record['ended']:
        tail = '\n'.join(one.run.console.read_text().splitlines()[-TAIL:])
        return (
            f'training ended with exit code {code}. The end of {one.run.console}:\n\n'
            f'{tail}'
        )
    if not record['metrics'] and not one.run.is_first:
        return (
            'the last validation gave no metric, as where a detector finds nothing; '
            f'look in {one.run.console} whether the training diverged'
        )
    kept = dict(record, seed=one.run.seed, resumed=one.resumed, commit=commit())
    kept['depends_on'] = one.run.depends_on
    write_json(one.run.folder / 'result.json', kept)
    return ''


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End what still runs; Ctrl-C has reached it already."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
