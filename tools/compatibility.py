"""Try every family of MMDetection's and MMPretrain's zoo, and write down what works.

    python tools/compatibility.py --jobs 2               # all, about an hour on 2 cores
    python tools/compatibility.py --only centernet yolox # families, printed alone

Each config is student and teacher of itself, in a separate process. Both are built with
random weights, each part is tried, two steps are trained with all of them, and the
student's weights are loaded into the stock model. Results are kept in the work dir by
commit, so that an interrupted run goes on where it was. The table is written to
docs/compatibility.md when all families have a result.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import resource
import sys
import time
import warnings
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from compatibility_configs import Choice, choose
from compatibility_report import summary, table
from compatibility_trial import try_config

from ckd_mm.atomic import write_json
from ckd_mm.commands.arguments import LIBRARIES
from ckd_mm.commands.environment import commit

__all__: list[str] = []

OFFLINE = dict(HF_HUB_OFFLINE='1', TRANSFORMERS_OFFLINE='1')
ROOT = Path(__file__).resolve().parents[1]
MEMORY = 12 * 2**30
"""Bytes of address space that one trial may take, beyond what it inherits."""


def main() -> None:
    args = _parse_args()
    torch.set_num_threads(1)
    choices = [one for name in args.libraries for one in choose(name, args.only)]
    _check_families(args.only or [], choices)
    results = args.work_dir / 'results.jsonl'
    args.work_dir.mkdir(parents=True, exist_ok=True)
    here = commit()
    done = _read(results, *args.keep, here)
    left = [one for one in choices if one.name not in done]
    print(f'{len(choices)} configs, {len(choices) - len(left)} of them done')
    for choice, result in _run(left, args.jobs, args.limit, args.work_dir):
        done[choice.name] = result
        line = dict(name=choice.name, commit=here, **result)
        with results.open('a') as file:
            file.write(f'{json.dumps(line)}\n')
        print(summary(choice, result), flush=True)
    if not args.only:
        args.out.write_text(table([(one, done[one.name]) for one in choices], here))
        print(f'written: {args.out}')


def _run(
    choices: list[Choice], jobs: int, limit: float, work_dir: Path
) -> Iterator[tuple[Choice, dict[str, Any]]]:
    """The results, as they come."""
    context = multiprocessing.get_context('fork')  # the libraries are loaded once
    left = list(choices)
    running: dict[Path, tuple[Choice, BaseProcess, float]] = {}
    while left or running:
        while left and len(running) < jobs:
            choice = left.pop(0)
            if choice.reason:
                yield choice, _result(choice.reason, 0.0)
                continue
            path = work_dir / f'{choice.name.replace("/", "+")}.json'
            path.unlink(missing_ok=True)
            process: BaseProcess = context.Process(target=_try, args=(choice, path))
            process.start()
            running[path] = choice, process, time.monotonic()
        for path, (choice, process, start) in list(running.items()):
            seconds = time.monotonic() - start
            if process.is_alive() and seconds < limit:
                continue
            del running[path]
            yield choice, _finished(process, path, seconds, limit)
        time.sleep(0.2)


def _try(choice: Choice, path: Path) -> None:
    """Try one config, in its process."""
    limit = _address_space() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    log = path.with_suffix('.log').open('w')
    sys.stdout = sys.stderr = log
    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    write_json(path, try_config(str(choice.path), choice.library))


def _address_space() -> int:
    """Bytes that this process has mapped; a fork inherits them, used or not."""
    pages = int(Path('/proc/self/statm').read_text().split()[0])
    return pages * resource.getpagesize()


def _finished(
    process: BaseProcess, path: Path, seconds: float, limit: float
) -> dict[str, Any]:
    alive = process.is_alive()
    if alive:
        process.kill()
    process.join()
    if path.is_file() and not alive:
        result = json.loads(path.read_text())
        path.unlink()
        return {**result, 'seconds': round(seconds, 1)}
    if alive:
        return _result(f'not finished after {limit:.0f} s', seconds)
    return _result(f'its process ended with status {process.exitcode}', seconds)


def _result(reason: str, seconds: float) -> dict[str, Any]:
    return dict(model='', parts={}, reason=reason, seconds=round(seconds, 1))


def _read(path: Path, *commits: str) -> dict[str, dict[str, Any]]:
    """The stored results by name of the config; a later commit's replaces others."""
    if not path.is_file():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        one['name']: one
        for commit in commits
        for one in rows
        if one['commit'] == commit
    }


def _check_families(families: list[str], choices: list[Choice]) -> None:
    for family in families:
        if family not in {one.family for one in choices}:
            sys.exit(
                f'error: no library has a folder of configs {family!r}; the names are '
                'those of the folders in its configs, such as faster_rcnn'
            )


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Try every family of the zoos, and write docs/compatibility.md.'
    )
    parser.add_argument('--only', nargs='+', metavar='FAMILY', help='these alone')
    parser.add_argument(
        '--libraries', nargs='+', default=LIBRARIES, choices=LIBRARIES, metavar='NAME'
    )
    parser.add_argument('--jobs', type=int, default=1, help='processes at a time')
    parser.add_argument(
        '--limit', type=float, default=600, help='seconds for a config (default: 600)'
    )
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/compatibility')
    )
    parser.add_argument(
        '--keep',
        nargs='+',
        default=[],
        metavar='COMMIT',
        help='results of these commits count where there are none of a later one',
    )
    parser.add_argument('--out', type=Path, default=ROOT / 'docs/compatibility.md')
    return parser.parse_args()


def _stay_offline() -> None:
    """Start anew with what the hub's client reads when it is imported.

    Without it each model with weights from a hub would try for minutes.
    """
    if any(os.environ.get(name) != value for name, value in OFFLINE.items()):
        os.environ.update(OFFLINE)
        os.execv(sys.executable, [sys.executable, *sys.argv])


if __name__ == '__main__':
    _stay_offline()
    main()
