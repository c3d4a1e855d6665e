"""Running commands so that an interruption stops all that they started."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

from setup_env.paths import PINS, VENV_PYTHON, SetupError

__all__ = ['INTERRUPTIONS', 'call', 'clock', 'pip_install', 'say']

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text: str) -> None:
    print(f'[setup] {text}', flush=True)


def clock(seconds: float) -> str:
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d}'


def pip_install(*arguments: str) -> None:
    pip = [str(VENV_PYTHON), '-m', 'pip', 'install', '--disable-pip-version-check']
    call([*pip, '--no-input', '--constraint', str(PINS), *arguments])


def call(
    command: list[str], env: dict[str, str] | None = None, log: Path | None = None
) -> None:
    """Run a command. With `log`, its output goes there and progress is shown.

    Raises:
        SetupError: It failed.
    """
    # Until we know the child we cannot stop it: hold signals back while it starts.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTIONS)
    child = subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if log else None,
        stderr=subprocess.STDOUT if log else None,
        text=True,
        start_new_session=True,  # So that `stop` reaches the compilers too.
        close_fds=False,  # It inherits the lock, should we be killed.
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before),
    )
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if log:
            show_progress(child, log)
        returncode = child.wait()
    except BaseException:
        stop(child)
        raise
    if returncode:
        why = what_went_wrong(log) if log else ''
        raise SetupError(f'{why}`{shlex.join(command)}` ended with status {returncode}')


def what_went_wrong(log: Path) -> str:
    """The first lines about errors, else the last lines; none of them in full."""
    lines = log.read_text().splitlines()
    errors = [line for line in lines if re.search(r'\berror\b', line, re.IGNORECASE)]
    shown = errors[:10] or lines[-10:]
    return ''.join(f'{line[:200]}\n' for line in shown) + f'All of it: {log}\n'


def show_progress(child: subprocess.Popen[str], log: Path) -> None:
    """Shorten ninja's lines, `[3/78] c++ ... -c /.../csrc/pytorch/nms.cpp ...`."""
    assert child.stdout is not None
    compiled = re.compile(r'(\[\d+/\d+\]) .*/csrc/(\S+\.(?:cpp|cu)) ')
    start = time.monotonic()
    with log.open('w') as file:
        for line in child.stdout:
            file.write(line)
            if match := compiled.search(line):
                say(f'  {match[1]} {clock(time.monotonic() - start)} {match[2]}')


def stop(child: subprocess.Popen[str]) -> None:
    """End a child and what it started, politely first: ninja then clears up."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=10)
