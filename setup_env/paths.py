"""Where things are, and which versions are pinned."""

from __future__ import annotations

import re
import sys
from pathlib import Path

__all__ = [
    'APART',
    'BUILD',
    'PINS',
    'ROOT',
    'VENV',
    'VENV_PYTHON',
    'SetupError',
    'read_pins',
]

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / 'requirements' / 'constraints.txt'
VENV = ROOT / '.venv'
VENV_PYTHON = VENV / 'bin' / 'python'
BUILD = VENV / 'build'
APART = VENV / 'apart'

PIN = re.compile(
    r'^(?P<pin>(?P<name>[\w.-]+)==[\w.+]+)'
    r'(?:\s*;\s*python_version (?P<when><|>=) "3\.11")?$'
)


class SetupError(Exception):
    """Something the user has to change; the text says what."""


def read_pins(path: Path = PINS) -> dict[str, str]:
    """`{name: 'name==version'}` of a constraints file, for the Python in use.

    Raises:
        SetupError: A line is neither a pin, a comment nor one of our two markers.
    """
    new = sys.version_info >= (3, 11)
    applies = {None: True, '>=': new, '<': not new}
    pins = {}
    for line in path.read_text().splitlines():
        line = line.split('#')[0].strip()
        if not line:
            continue
        match = PIN.match(line)
        if match is None:
            raise SetupError(
                f'{path.name}: expected NAME==VERSION, perhaps with '
                f'`; python_version >= "3.11"` or `< "3.11"`, got {line!r}'
            )
        if applies[match['when']]:
            pins[match['name']] = match['pin']
    return pins
