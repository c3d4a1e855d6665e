"""The page of all error messages, each with its cause and the way out.

A message is read where it is raised. Most say what to do after a semicolon, or what a
value must be. `causes.py` has the others.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from maintenance.pages import ROOT
from maintenance.site.causes import CAUSES, LACKS, MUST, NEAR, PASSED_ON

__all__ = ['Message', 'messages', 'text', 'way_out']

PACKAGE = ROOT / 'ckd_mm'
INTRODUCTION = """# Error messages

Every message that the package raises, by the file that raises it. `{...}` stands for a
value of your run. Search for the words around it. `teacher: ...` and `term NAME: ...`
in front of a message say which part of the config it is about.

[Troubleshooting](../how_to/troubleshooting.md) has what goes wrong without a message.
"""
GOT = re.compile(r'\b(must|expected|needs?)\b.*\bgot\b', re.DOTALL)
CODE = re.compile(r"`[^`]*`|\b\w+=(?:'[^']*'|\w+\([^()]*\)|[\w.]+)")
VALUE = re.compile(r'\{[^{}]*\}')
NAME = re.compile(r'\{\w+\}')
SUGGESTS = 'did_you_mean', '{hint}'


@dataclass(frozen=True)
class Message:
    """A message as it is written, with names for the values in it.

    Attributes:
        file: Where it is raised, relative to the package.
        kind: The type of the exception.
        text: The message.
    """

    file: str
    kind: str
    text: str


def messages(package: Path = PACKAGE) -> Iterator[Message]:
    """Every message of a package, but those that pass on another one's text.

    A message that a function of the same file makes is read there. The reasons why two
    models lack a part (`Unavailable`) are messages too.
    """
    for path in sorted(package.rglob('*.py')):
        file = path.relative_to(package).as_posix()
        tree = ast.parse(path.read_text(encoding='utf-8'))
        for kind, argument in _raised(tree):
            for written in _texts(argument, tree):
                if not PASSED_ON.fullmatch(written):
                    yield Message(file, kind, written)


def way_out(message: Message) -> str | None:
    """What to do, or `None` where neither the message nor `causes.py` says it."""
    for start, cause in CAUSES.items():
        if message.text.startswith(start):
            return cause
    if advice := _advice(message.text):
        return advice
    if GOT.search(message.text):
        return MUST
    if any(word in message.text for word in SUGGESTS):
        return NEAR
    return LACKS if message.kind == 'Unavailable' else None


def text() -> str:
    """The page."""
    found: dict[str, set[str]] = {}
    for message in messages():
        part = message.file.split('/')[0].removesuffix('.py')
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
    start, _, advice = said.rpartition('; ')
    if not start:
        return ''
    is_word = advice.split()[0].isalpha()
    return f'{advice[0].upper() if is_word else advice[0]}{advice[1:]}.'


def _shown(words: str) -> str:
    """For a cell of a table, with `{...}` for values that have no plain name."""
    words = VALUE.sub(_plain, words)
    return ' '.join(words.replace('|', r'\|').split())


def _quoted(code: re.Match[str]) -> str:
    return code[0] if code[0].startswith('`') else f'`{code[0]}`'


def _plain(value: re.Match[str]) -> str:
    return value[0] if NAME.fullmatch(value[0]) else '{...}'


def _raised(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """The type and the text of each exception, and of each reason."""
    for node in ast.walk(tree):
        call = node.exc if isinstance(node, ast.Raise) else node
        if isinstance(call, ast.Call) and call.args:
            kind = ast.unparse(call.func)
            if isinstance(node, ast.Raise) or kind == 'Unavailable':
                yield kind, call.args[0]


def _texts(argument: ast.expr, tree: ast.Module) -> Iterator[str]:
    if isinstance(argument, ast.Call):
        name = ast.unparse(argument.func).removeprefix('self.')
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                yield from _returned(node)
    yield _written(argument)


def _returned(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            yield _written(node.value)


def _written(node: ast.expr) -> str:
    """The text of an expression, with `{...}` for what is not written in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return ''.join(
            _written(part.value if isinstance(part, ast.FormattedValue) else part)
            for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _written(node.left) + _written(node.right)
    return '{' + ast.unparse(node) + '}'
