"""What tools/compare.py and tools/chain.py share: arguments, and the life of a call."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from mmengine.config import DictAction

from ckd_mm.compare.runs import Run
from ckd_mm.compare.training import check_metrics, gpu_slots, train

__all__ = ['add_arguments', 'command_line', 'end_with', 'slots_of', 'train_missing']


def add_arguments(parser: argparse.ArgumentParser, kind: str) -> None:
    """Add the arguments that all tools have that train several runs.

    Args:
        parser: The parser of the tool.
        kind: What it trains, such as `comparison`.
    """
    slots = parser.add_mutually_exclusive_group()
    slots.add_argument(
        '--gpus',
        type=_gpus,
        help='one run at a time on each, such as 0,1,2',
    )
    slots.add_argument(
        '--jobs',
        type=_jobs,
        default=1,
        help='runs at the same time, one thread each',
    )
    parser.add_argument(
        '--dry-run', action='store_true', help='check everything and list the runs'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help=f'changes to the {kind}, such as seeds=[0,1]',
    )


def slots_of(args: argparse.Namespace) -> list[dict[str, str]]:
    """The slots that the arguments ask for, see :func:`gpu_slots`."""
    return gpu_slots(args.gpus) if args.gpus else [{}] * args.jobs


def end_with(work: Callable[[], Mapping[str, str]]) -> None:
    """Do the work of a call and end with its exit code.

    It is 0, or 1 if a run failed or something is wrong, which is one line then.

    Args:
        work: Trains, and returns what went wrong, by the title of the run.
    """
    # `timeout` and schedulers end a program like this; like Ctrl-C it ends the runs
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        failures = work()
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
    except KeyboardInterrupt:
        print('\nstopped; the same command goes on')
        sys.exit(130)
    sys.exit(1 if failures else 0)


def train_missing(
    what: str,
    runs: Sequence[Run],
    metrics: Sequence[str],
    slots: Sequence[dict[str, str]],
    tool: Path,
    lock: IO[str],
    write: Callable[[Mapping[str, str]], None] | None,
) -> dict[str, str]:
    """Train the runs that have no result yet, see :func:`train`.

    Args:
        what: What all runs are, such as `3 links x 2 seeds`.
        runs: All of them.
        metrics: What the validation must give.
        slots: Environment variables by slot.
        tool: The training tool.
        lock: The lock of :func:`locked`.
        write: Writes the report, after each run and at the end; `None` trains nothing
            and lists the runs.

    Returns:
        What went wrong, by the title of the run.

    Raises:
        UnknownMetric: The metric's name is wrong.
    """
    for run in runs:
        check_metrics(run, metrics)
    todo = [run for run in runs if run.result is None]
    print(
        f'{what}: {len(runs) - len(todo)} runs are finished, {len(todo)} to do, '
        f'{len(slots)} at a time',
        flush=True,
    )
    if write is None:
        print('\n'.join(f'  {run.title}: {run.folder}' for run in todo))
        return {}
    failures = train(todo, metrics, slots, tool, lock, write)
    write(failures)
    return failures


def command_line() -> str:
    """The command of this call, for the report."""
    return shlex.join(['python', *sys.argv])


def _gpus(text: str) -> list[int]:
    numbers = text.split(',')
    if not all(number.isdecimal() for number in numbers):
        raise argparse.ArgumentTypeError(
            f'must be numbers of GPUs such as 0,1,2, got {text!r}'
        )
    return [int(number) for number in numbers]


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'must be at least 1, got {text}')
    return int(text)
