"""The page of all error messages, each with its cause and the way out.

A message is read where it is raised. Most say what to do after a semicolon, or what a
value must be. `causes.py` has the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from maintenance.pages import ROOT
from maintenance.site.causes import CAUSES, ENDS, LACKS, MUST, NEAR, PASSED_ON
from maintenance.site.raised import SUGGESTS, WRAP, Message, Sources, words

__all__ = ['messages', 'text', 'unread', 'way_out']

FOLDERS = tuple(ROOT / name for name in ('ckd_mm', 'tools', 'setup_env'))
WRAPPERS = 'ckd_mm/errors.py'
"""Raises again what it is given; that is read where it is given."""
INTRODUCTION = """# Error messages

Every message that the package, its tools and its set-up raise, by the file that raises
it, and what to do.

**How to read a row.** The message is the cause: it says what was expected, and after
"got" what came. `{...}` stands for a value of your run: search for the words around it.
`teacher: ...` and `term NAME: ...` in front of a message say which part of the config
it is about. Where the message of a library follows ("ended in"), that is the cause.

[Troubleshooting](../how_to/troubleshooting.md) has what goes wrong without a message.
"""
GOT = re.compile(r'\b(must|expected|needs?)\b.*\bgot\b', re.DOTALL)
CODE = re.compile(r"`[^`]*`|\b\w+=(?:'[^']*'|\w+\([^()]*\)|[\w.]+)")
VALUE = re.compile(r'\{[^{}]*\}')
HIDDEN = re.compile(r'\{[^{}]*\}|`[^`]*`')
"""What has semicolons of its own."""
NAME = re.compile(r'\{\w+\}')
FEWEST = 2
"""Words that a way out has beside the values of the run."""


def messages(folders: Iterable[Path] = FOLDERS, root: Path = ROOT) -> Iterator[Message]:
    """Every message of the files, but those that pass on another one's text."""
    for found in dict.fromkeys(Sources(root, folders).messages()):
        is_passed_on = found.kind != WRAP and PASSED_ON.fullmatch(found.text)
        if found.file != WRAPPERS and not is_passed_on:
            yield found


def unread(folders: Iterable[Path] = FOLDERS, root: Path = ROOT) -> list[str]:
    """What is raised in a way that is not read, and messages without a word."""
    wordless = [
        f'{found.file}: {found.text}'
        for found in messages(folders, root)
        if not words(found.text)
    ]
    return [*Sources(root, folders).unread(), *wordless]


def way_out(message: Message) -> str | None:
    """What to do, in words, or `None` where nothing says it."""
    if message.kind == WRAP:
        return ENDS
    for start, cause in CAUSES.items():
        if message.text.startswith(start):
            return cause
    if advice := _advice(message.text):
        return advice if len(words(advice)) >= FEWEST else None
    if GOT.search(message.text):
        return MUST
    if any(word in message.text for word in SUGGESTS):
        return NEAR
    return LACKS if message.kind == 'Unavailable' else None


def text() -> str:
    """The page."""
    found: dict[str, set[str]] = {}
    for message in messages():
        part = message.file.removeprefix('ckd_mm/').split('/')[0].removesuffix('.py')
        found.setdefault(part, set()).add(_row(message))
    lines = [INTRODUCTION]
    for part, rows in sorted(found.items()):
        lines += [f'## {part}', '', '| message | way out |', '|---|---|']
        lines += [*sorted(rows), '']
    return '\n'.join(lines)


def _row(message: Message) -> str:
    said, advice = message.text, way_out(message) or ''
    if advice == _advice(said):
        said = said.rpartition('; ')[0]
    quoted = _shown(said).replace('`', "'")
    return f'| `{quoted}` | {CODE.sub(_quoted, _shown(advice))} |'


def _advice(said: str) -> str:
    """What a message says to do, after its last semicolon; empty if it does not."""
    hidden = HIDDEN.sub(lambda part: part[0].replace('; ', ', '), said)
    at = hidden.rfind('; ')
    if at < 1:
        return ''
    advice = said[at + 2 :]
    is_word = advice.split(' ')[0].isalpha()
    return f'{advice[:1].upper() if is_word else advice[:1]}{advice[1:]}.'


def _shown(words: str) -> str:
    """For a cell of a table, with `{...}` for values that have no plain name."""
    words = VALUE.sub(_plain, words)
    return ' '.join(words.replace('|', r'\|').split())


def _quoted(code: re.Match[str]) -> str:
    return code[0] if code[0].startswith('`') else f'`{code[0]}`'


def _plain(value: re.Match[str]) -> str:
    return value[0] if NAME.fullmatch(value[0]) else '{...}'
