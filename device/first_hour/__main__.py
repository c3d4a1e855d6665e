"""The commands: prepare, check, bench, train, table."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from device.first_hour.arguments import parser
from device.first_hour.places import CARRIED, OUT, WORK, Run, environment
from device.first_hour.prepare import prepare
from device.first_hour.questions import QUESTIONS, SET_UP, Question, named
from device.first_hour.running import FAILED, Answer, ask_all
from device.first_hour.table import collected, has_answers, page, save, saved, table

__all__ = ['main']

SEES_A_GPU = 'import sys, torch; sys.exit(not torch.cuda.is_available())'


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # also ends the row
    args = parser().parse_args()
    if args.name == 'prepare':
        prepare(CARRIED, args.python, args.also)
        return 0
    try:
        if args.name == 'table':
            _write_table(args.sources or [OUT], args.to)
            return 0
        questions = _checked(args)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if not args.only:
        (args.out / f'{args.name}.json').unlink(missing_ok=True)
    return carry_out(args.name, questions, args.out, args.dry_run, args.minutes)


def _write_table(folders: list[Path], to: Path | None) -> None:
    """Print the table of all commands, or write it to a file.

    Raises:
        ValueError: A folder has no answers, or broken ones, or the file cannot be
            written.
    """
    if empty := [str(one) for one in folders if not has_answers(one)]:
        raise ValueError(f'no answers of check, bench or train in {", ".join(empty)}')
    text = page(*collected(folders))
    if to is None:
        print(text)
        return
    with _writing(f'--to must be a file that can be written, got {to}'):
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(text)


def _checked(args: argparse.Namespace) -> list[Question]:
    """The questions of a command.

    Raises:
        ValueError: It cannot be carried out as it was called.
    """
    if not args.dry_run and not sees_a_gpu():
        raise ValueError('torch sees no GPU here; --dry-run tries what needs none')
    questions = named(args.name, args.only)
    with _writing(f'--out must be a folder that can be written, got {args.out}'):
        args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / f'{args.name}.json'
    heads = saved(file)[1]
    if args.dry_run and any(not head['dry'] for head in heads):
        raise ValueError(f'{file} has answers of a GPU; name another folder with --out')
    return questions


@contextmanager
def _writing(sentence: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ValueError(f'{sentence}: {error.strerror}') from error


def carry_out(
    name: str, questions: list[Question], out: Path, dry: bool, minutes: float
) -> int:
    """Ask the questions of a command; the table and the logs are kept as they come.

    Answers to other questions that an earlier run has left in the folder stay.

    Returns:
        The number of questions that failed.
    """
    run = Run(WORK / name, out, dry)
    for folder in (run.work, run.out):
        folder.mkdir(parents=True, exist_ok=True)
    answers, heads = _begun(out / f'{name}.json', dry)
    failed = []

    def note(question: Question, answer: Answer) -> None:
        answers[question.name] = answer
        if answer.state == FAILED:
            failed.append(question)
        _say(f'{question.name} ({answer.seconds:.0f} s): {answer.state} {answer.text}')
        save(out / f'{name}.json', answers, heads)
        every = [*SET_UP, *QUESTIONS[name]]
        (out / f'{name}.md').write_text(table(every, answers) + '\n')
        _pack(run.work, out / f'{name}.tar.gz')

    ask_all(questions, run, minutes * 60, note)
    _say(f'\n{table(questions, answers)}\n\nin {out}: {name}.md, .json, .tar.gz (logs)')
    return len(failed)


def _begun(file: Path, dry: bool) -> tuple[dict[str, Answer], list[dict[str, Any]]]:
    """What an earlier run of this kind has found, and the head of this one."""
    answers, heads = saved(file)
    if any(head['dry'] != dry for head in heads):
        answers, heads = {}, []
    command = ' '.join(['python -m device.first_hour', *sys.argv[1:]])
    when = time.strftime('%Y-%m-%d %H:%M', time.gmtime())
    return answers, [*heads, dict(command=command, when=when, dry=dry)]


def _say(text: str) -> None:
    print(text, flush=True)


def sees_a_gpu() -> bool:
    command = [sys.executable, '-c', SEES_A_GPU]
    return subprocess.run(command, env=environment()).returncode == 0


def _pack(folder: Path, archive: Path) -> None:
    """Logs and reports; not what the answers have built or trained."""
    with tarfile.open(archive, 'w:gz') as tar:
        for path in sorted(folder.glob('*')):
            if path.is_file():
                tar.add(path, path.name)


if __name__ == '__main__':
    sys.exit(main())
