"""Start a script as a user does, without the seconds that importing the stack takes.

One process imports the stack once and is forked for each script. The script runs as
`__main__`, with its own arguments, environment and working directory. A test of each
tool starts a fresh interpreter as well, as the import is a part of what it does.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

__all__ = ['ROOT', 'run_script', 'run_scripts']

ROOT = Path(__file__).parents[1]
STACK = ['mmdet.apis', 'mmpretrain.apis', 'mmengine.runner', 'ckd_mm', 'ckd_mm.hooks']
Done = subprocess.CompletedProcess[str]


def run_script(
    script: Any,
    *arguments: Any,
    env: Mapping[str, str] | None = None,
    fresh: bool = False,
    cwd: Path = ROOT,
) -> Done:
    """Run a script, and say how it ended.

    Args:
        script: Its path, below the root of the repository or an absolute one.
        arguments: Those of its command line.
        env: What it has in its environment beside that of this process.
        fresh: Whether to start an interpreter for it, which imports the stack.
        cwd: The folder in which it runs.
    """
    env = env or {}
    if not fresh:
        return run_scripts([script, *arguments], [env], cwd=cwd)[0]
    return subprocess.run(
        [sys.executable, *map(str, (ROOT / script, *arguments))],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    )


def run_scripts(
    command: list[Any],
    environments: Sequence[Mapping[str, str]],
    timeout: float = 600,
    cwd: Path = ROOT,
) -> list[Done]:
    """Run a script in several processes at once; all end when one of them fails.

    Args:
        command: The script and its arguments, the same for all.
        environments: What each has in its environment beside that of this process.
        timeout: Seconds after which all are ended.
        cwd: The folder in which they run.
    """
    context = _context()
    arguments = [str(ROOT / command[0]), *map(str, command[1:])]
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            dict(
                argv=arguments,
                env={**os.environ, **env},
                cwd=str(cwd),
                out=f'{folder}/{number}.out',
                err=f'{folder}/{number}.err',
            )
            for number, env in enumerate(environments)
        ]
        inside = str(Path(__file__).with_name('forked.py'))
        processes = [
            context.Process(
                target=runpy.run_path, args=(inside, dict(job=job), '__main__')
            )
            for job in jobs
        ]
        for process in processes:
            process.start()
        _wait(processes, timeout)
        return [
            Done(arguments, process.exitcode or 0, *_said(job))
            for process, job in zip(processes, jobs, strict=True)
        ]


def _context() -> ForkServerContext | SpawnContext:
    """How processes start; CUDA cannot be used in one that was forked."""
    if torch.cuda.is_available():
        return multiprocessing.get_context('spawn')
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(STACK)
    return context


def _wait(processes: Sequence[BaseProcess], timeout: float) -> None:
    end = time.monotonic() + timeout
    while any(process.is_alive() for process in processes):
        if time.monotonic() > end or any(process.exitcode for process in processes):
            for process in processes:
                process.kill()
        time.sleep(0.02)
    for process in processes:
        process.join()


def _said(job: dict[str, Any]) -> list[str]:
    files = (Path(job[key]) for key in ('out', 'err'))
    return [file.read_text() if file.exists() else '' for file in files]
