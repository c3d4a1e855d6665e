"""Ask questions, each in a process of its own, with a limit of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from device.first_hour.places import ROOT, Run, environment
from device.first_hour.questions import Question

__all__ = ['FAILED', 'Answer', 'ask', 'ask_all']

OK, FAILED, NO_TIME = 'ok', 'FAILED', 'no time left'
NEEDS_GPU = 'needs a GPU'
ENDINGS = [signal.SIGINT, signal.SIGKILL]
GRACE = 15  # seconds between them
LEAST_SECONDS = 10  # nothing is begun with less
PATIENCE = 4  # a dry run may take so many times as long


@dataclass(frozen=True)
class Answer:
    """What came of a question.

    Args:
        state: ok, FAILED, needs a GPU, no time left.
        text: The answer, or what went wrong.
        seconds: How long it took.
    """

    state: str
    text: str = ''
    seconds: float = 0.0


def ask_all(
    questions: Sequence[Question],
    run: Run,
    seconds: float,
    note: Callable[[Question, Answer], None],
) -> None:
    """Ask in turn, and note each answer at once.

    Args:
        questions: What is asked.
        run: For the answers.
        seconds: For all questions together.
        note: Gets each answer as it comes.
    """
    end = time.monotonic() + seconds
    for question in questions:
        left = end - time.monotonic()
        if run.dry and question.needs_gpu:
            answer = Answer(NEEDS_GPU)
        elif left < LEAST_SECONDS:
            answer = Answer(NO_TIME)
        else:
            limit = question.seconds * (PATIENCE if run.dry else 1)
            answer = ask(question, run, min(limit, left))
        note(question, answer)


def ask(question: Question, run: Run, limit: float) -> Answer:
    """The answer of a process that ends within the limit, or why there is none."""
    log = run.work / f'{question.name}.log'
    written = run.work / f'{question.name}.json'
    written.unlink(missing_ok=True)
    command = [sys.executable, '-W', 'ignore', '-m', 'device.first_hour.answer']
    command += [question.answer, str(written), str(run.work), str(run.out)]
    command += [str(int(run.dry)), *question.arguments]
    start = time.monotonic()
    ended = _run(command, log, limit)
    seconds = time.monotonic() - start
    if ended is None:
        return Answer(FAILED, f'no answer within {limit:.0f} s', seconds)
    if not written.is_file():
        why = f'ended with status {ended}: {_last_line(log)}'
        return Answer(FAILED, why, seconds)
    state, text = json.loads(written.read_text())
    return Answer(state, text, seconds)


def _run(command: list[str], log: Path, limit: float) -> int | None:
    """The status, or None if it was ended, with all that it had started."""
    with log.open('w') as file:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return child.wait(limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a process, politely first: it then ends what has a session of its own.

    If it has ended, end what it has left behind.
    """
    numbers = [signal.SIGKILL] if child.poll() is not None else ENDINGS
    for number in numbers:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors='replace').strip().splitlines()
    return lines[-1] if lines else 'it printed nothing'
