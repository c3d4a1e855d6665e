"""What the command line takes."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from device.first_hour.places import OUT
from device.first_hour.prepare import PYTHON
from device.first_hour.questions import QUESTIONS

__all__ = ['parser']

HELP = {
    'check': 'try what is promised of a GPU',
    'bench': "time and memory of a step at COCO's size",
    'train': 'short runs on the digit scenes',
}


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    whole = argparse.ArgumentParser(
        prog='python -m device.first_hour',
        description='The first hour on a GPU; docs/gpu.md says what to run.',
    )
    commands = whole.add_subparsers(dest='name', required=True, metavar='COMMAND')
    _add_prepare(commands)
    for name in QUESTIONS:
        _add_questions(commands, name)
    _add_table(commands)
    return whole


def _add_prepare(commands: Any) -> None:
    text = 'fill .gpu with what is carried along'
    command = commands.add_parser('prepare', help=text, description=text)
    command.add_argument('--python', default=PYTHON, help="the machine's, such as 3.12")
    command.add_argument('--also', nargs='+', default=[], help='more packages')


def _add_questions(commands: Any, name: str) -> None:
    command = commands.add_parser(name, help=HELP[name], description=HELP[name])
    command.add_argument('--dry-run', action='store_true', help='on a CPU, small')
    command.add_argument(
        '--only',
        nargs='+',
        default=[],
        metavar='ROW',
        help='these rows, after the set-up; the answers to the others stay',
    )
    command.add_argument(
        '--out', type=Path, default=OUT, help='folder of results; %(default)s'
    )
    command.add_argument(
        '--minutes',
        type=_minutes,
        default=9.5,
        help='for all rows together; %(default)s',
    )


def _add_table(commands: Any) -> None:
    text = 'one table of all commands'
    command = commands.add_parser('table', help=text, description=text)
    command.add_argument(
        '--from',
        dest='sources',
        nargs='+',
        type=Path,
        metavar='FOLDER',
        help=f'folders of results, the first counts most; {OUT}',
    )
    command.add_argument('--to', type=Path, help='a file; else it is printed')


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not (math.isfinite(minutes) and minutes > 0):
        raise argparse.ArgumentTypeError(f'must be a finite number > 0, got {text}')
    return minutes
