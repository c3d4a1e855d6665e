"""The commands: prepare, check, bench, train, table."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

from device.first_hour.places import CARRIED, OUT, WORK, Run, environment
from device.first_hour.prepare import PYTHON, prepare
from device.first_hour.questions import QUESTIONS, SET_UP, Question, named
from device.first_hour.running import FAILED, Answer, ask_all
from device.first_hour.table import collected, has_answers, page, save, saved, table

__all__ = ['main']

SEES_A_GPU = 'import sys, torch; sys.exit(not torch.cuda.is_available())'


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # also ends the row
    args = _parser().parse_args()
    if args.name == 'prepare':
        prepare(CARRIED, args.python, args.also)
        return 0
    if args.name == 'table':
        empty = [str(one) for one in args.sources or () if not has_answers(one)]
        if empty:
            return _refuse(f'no answers of check, bench or train in {", ".join(empty)}')
        text = page(*collected(args.sources or [OUT]))
        args.to.write_text(text) if args.to else print(text)
        return 0
    if not args.dry_run and not sees_a_gpu():
        return _refuse('torch sees no GPU here; --dry-run tries what needs none')
    try:
        questions = named(args.name, args.only)
    except ValueError as error:
        return _refuse(str(error))
    file = args.out / f'{args.name}.json'
    if args.dry_run and any(not head['dry'] for head in saved(file)[1]):
        return _refuse(f'{file} has answers of a GPU; name another folder with --out')
    if not args.only:
        file.unlink(missing_ok=True)
    return carry_out(args.name, questions, args.out, args.dry_run, args.minutes)


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


def _refuse(why: str) -> int:
    print(why, file=sys.stderr)
    return 2


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m device.first_hour', description='The first hour on a GPU.'
    )
    commands = parser.add_subparsers(dest='name', required=True)
    command = commands.add_parser(
        'prepare', help='fill .gpu with what is carried along'
    )
    command.add_argument('--python', default=PYTHON, help="the machine's, such as 3.12")
    command.add_argument('--also', nargs='+', default=[], help='more packages')
    for name in QUESTIONS:
        command = commands.add_parser(name)
        command.add_argument('--dry-run', action='store_true', help='on a CPU')
        command.add_argument('--only', nargs='+', default=[], help='names of rows')
        command.add_argument('--out', type=Path, default=OUT)
        command.add_argument('--minutes', type=float, default=9.5, help='for all rows')
    command = commands.add_parser('table', help='one table of all commands')
    command.add_argument('--from', dest='sources', nargs='+', type=Path)
    command.add_argument('--to', type=Path, help='a file; else it is printed')
    return parser


if __name__ == '__main__':
    sys.exit(main())
