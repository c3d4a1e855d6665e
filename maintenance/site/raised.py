"""The texts of the exceptions that source files raise, read without running them.

A text that is a variable, a constant, an argument or what a function of the file makes
is read where it is written. Constants and arguments may be in another file.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from maintenance.site.sources import Owner, Source, inside, is_text, parameters, parts

__all__ = ['ERROR', 'SUGGESTS', 'WRAP', 'Message', 'Sources', 'words']

ERROR = '{error}'
"""Stands for the text of an exception that was caught."""
WRAP = 'as_value_error'
ENDED = ' ended in {TYPE}: ' + ERROR
"""What it adds to its subject, as `ckd_mm/errors.py` has it."""
SUGGESTS = 'did_you_mean', 'hint'
"""What ends a message with the names that are near."""
EXITS = 'sys.exit', 'parser.error'
REASON = 'Unavailable'
VALUE = re.compile(r'\{[^{}]*\}')
MOST = 24
"""Of the forms of a part of a text; one with more is shown as a value."""

Place = tuple[ast.expr, Source, Owner]
"""An expression, and where it stands."""


@dataclass(frozen=True)
class Message:
    """A message as it is written, with names for the values in it.

    Attributes:
        file: Where it is raised, relative to the repository.
        kind: The type of the exception, or what ends the program.
        text: The message.
    """

    file: str
    kind: str
    text: str


def words(text: str) -> list[str]:
    """The words of a message beside its values."""
    return re.findall(r"[A-Za-z][\w'-]*", VALUE.sub(' ', text))


class Sources:
    """Source files that are read together.

    Args:
        root: What the names of files are relative to.
        folders: Their files are read, those of subfolders too.
    """

    def __init__(self, root: Path, folders: Iterable[Path]) -> None:
        self._files = {}
        for path in (one for folder in folders for one in sorted(folder.rglob('*.py'))):
            name = path.relative_to(root).as_posix()
            module = name.removesuffix('.py').replace('/', '.')
            tree = ast.parse(path.read_text(encoding='utf-8'))
            self._files[module] = Source(name, tree)

    def messages(self) -> Iterator[Message]:
        """What is raised, is given as a reason (`Unavailable`) or ends the program."""
        for file, node, owner in self._nodes():
            if not (isinstance(node, ast.Call) and node.args):
                continue
            kind = ast.unparse(node.func)
            added = ENDED if kind == WRAP else ''
            is_raised = kind == REASON or self._is_exception(kind)
            is_exit = kind in EXITS and not _is_status(node.args[0])
            if added or is_exit or is_raised:
                for text in filter(None, self._read((node.args[0], file, owner), ())):
                    yield Message(file.name, kind, text.removeprefix('error: ') + added)

    def unread(self) -> Iterator[str]:
        """Each `raise` of an exception that is not found in its file."""
        for file, node, owner in self._nodes():
            if not (isinstance(node, ast.Raise) and node.exc):
                continue
            if not self._is_read((node.exc, file, owner), ()):
                yield f'{file.name}:{node.lineno}: {ast.unparse(node)}'

    def _nodes(self) -> Iterator[tuple[Source, ast.AST, Owner]]:
        for file in self._files.values():
            for node, owner in file.owners.items():
                yield file, node, owner

    def _read(self, place: Place, reading: tuple[str, ...]) -> list[str]:
        """The forms of a text, with `{...}` for what is not written in it.

        Args:
            place: The expression.
            reading: The names that are being read, against circles.
        """
        node, file, owner = place
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return [node.value]
        if items := parts(node):
            return _sums(self._followed(items, place, reading))
        if isinstance(node, ast.Dict) and not node.values:
            return []
        name = ast.unparse(node.func if isinstance(node, ast.Call) else node)
        if isinstance(node, ast.Name) and name in file.caught(owner):
            return [ERROR]
        places = [] if name in reading else self._places(place, name)
        found = [text for one in places for text in self._read(one, (*reading, name))]
        return list(dict.fromkeys(found)) or [_value(node)]

    def _followed(
        self, items: list[ast.expr], place: Place, reading: tuple[str, ...]
    ) -> list[list[str]]:
        """The forms of each part of a text.

        What is said before the way out is shown by its name, if words are around it.
        """
        _, file, owner = place
        found = [self._forms((one, file, owner), reading) for one in items]
        plain = [found[at] if is_text(item) else [] for at, item in enumerate(items)]
        ends = [at for at, one in enumerate(plain) if any('; ' in text for text in one)]
        end = ends[-1] if ends else -1
        said = ' '.join(text for one in plain[: end + 1] or plain for text in one)
        said = said.rpartition('; ')[0] if ends else said
        for at, item in enumerate(items):
            is_kept = at > end >= 0 or len(words(said)) < 2
            is_kept |= not ends and any('; ' in text for text in found[at])
            if not (is_text(item) or found[at] == [ERROR] or is_kept):
                found[at] = [_value(item)]
        return found

    def _forms(self, place: Place, reading: tuple[str, ...]) -> list[str]:
        """Of a part of a text: its forms if one of them is a phrase, or its name."""
        node, file, owner = place
        found = self._read((inside(node), file, owner), reading)
        is_phrase = any(len(words(text)) > 1 for text in found)
        if is_text(node) or found == [ERROR]:
            return found
        return found if is_phrase and len(found) <= MOST else [_value(node)]

    def _places(self, place: Place, name: str) -> list[Place]:
        """The expressions that an expression stands for."""
        node, file, owner = place
        if isinstance(node, ast.IfExp):
            return [(node.body, file, owner), (node.orelse, file, owner)]
        if isinstance(node, ast.BoolOp):
            return [(one, file, owner) for one in node.values]
        if isinstance(node, ast.Dict):
            return [(one, file, owner) for one in node.values]
        if isinstance(node, ast.Subscript):
            chosen = [(node.value, file, owner)]
            if isinstance(node.value, ast.Name):
                chosen = self._named(node.value.id, file, owner)
            return [one for one in chosen if isinstance(one[0], ast.Dict)]
        if isinstance(node, ast.Call):
            if name in ('str', '_one_line'):
                return [(node.args[0], file, owner)]
            return self._made(name, file)
        if isinstance(node, ast.Attribute) and name == f'self.{node.attr}':
            return self._given_to_class(node.attr, file, owner)
        return self._named(name, file, owner) if isinstance(node, ast.Name) else []

    def _made(self, name: str, file: Source) -> list[Place]:
        """What a function returns: one of the file, imported, or a method by name."""
        last = name.rpartition('.')[2]
        if last in SUGGESTS:
            return []
        found = [(file, one) for one in file.functions(last)]
        if not found and (other := self._files.get(file.imports.get(name, ''))):
            found = [(other, one) for one in other.functions(last)]
        if not found and last != name:
            every = self._functions.get(last, [])
            found = every if len(every) == 1 else []
        return [(value, one, at) for one, at in found for value in one.returned(at)]

    def _named(self, name: str, file: Source, owner: Owner) -> list[Place]:
        """What a name has in a function: local, given, of the module or imported."""
        if bound := file.bound(owner, name):
            return [(value, file, owner) for value in bound]
        if owner and name in parameters(owner):
            return self._given(owner.name, name, parameters(owner), file)
        if owner is None:
            return self._imported(name, file)
        if file.is_local(owner, name):
            return []
        return self._named(name, file, None)

    def _imported(self, name: str, file: Source) -> list[Place]:
        other = self._files.get(file.imports.get(name, ''))
        return [(one, other, None) for one in other.bound(None, name)] if other else []

    def _given_to_class(self, name: str, file: Source, owner: Owner) -> list[Place]:
        """What a class gets for an argument that it keeps under this name."""
        cls = file.class_of(owner)
        if cls is None:
            return []
        starts = [one for one in cls.body if getattr(one, 'name', '') == '__init__']
        if starts and isinstance(starts[0], ast.FunctionDef):
            names = parameters(starts[0])
        else:
            fields = [one for one in cls.body if isinstance(one, ast.AnnAssign)]
            names = [ast.unparse(one.target) for one in fields]
        return self._given(cls.name, name, names, file) if name in names else []

    def _given(
        self, function: str, name: str, names: list[str], home: Source
    ) -> list[Place]:
        """What the calls of a function or a class give for an argument."""
        found = []
        for call, file, owner in self._calls.get(function, []):
            if function.startswith('_') and file is not home:
                continue
            given = [one.value for one in call.keywords if one.arg == name]
            position = names.index(name)
            if not given and position < len(call.args):
                given = [call.args[position]]
            found += [(value, file, owner) for value in given]
        return found

    def _is_read(self, place: Place, seen: tuple[str, ...]) -> bool:
        """Whether an exception is one of a class, was caught, or is made of such."""
        node, file, owner = place
        name = ast.unparse(node.func if isinstance(node, ast.Call) else node)
        if self._is_exception(name) or name in (*seen, 'None', *file.caught(owner)):
            return True
        made = self._places(place, name)
        return bool(made) and all(self._is_read(one, (*seen, name)) for one in made)

    def _is_exception(self, name: str) -> bool:
        return _is_error(name) or name in self._exceptions

    @cached_property
    def _exceptions(self) -> set[str]:
        """The classes of these files that are exceptions."""
        return {
            node.name
            for _, node, _ in self._nodes()
            if isinstance(node, ast.ClassDef)
            and any(_is_error(ast.unparse(base)) for base in node.bases)
        }

    @cached_property
    def _functions(self) -> dict[str, list[tuple[Source, ast.FunctionDef]]]:
        found: dict[str, list[tuple[Source, ast.FunctionDef]]] = {}
        for file, node, _ in self._nodes():
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).append((file, node))
        return found

    @cached_property
    def _calls(self) -> dict[str, list[tuple[ast.Call, Source, Owner]]]:
        found: dict[str, list[tuple[ast.Call, Source, Owner]]] = {}
        for file, node, owner in self._nodes():
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).rpartition('.')[2]
                found.setdefault(name, []).append((node, file, owner))
        return found


def _is_error(name: str) -> bool:
    """Whether a name is that of a class of Python's exceptions."""
    return name.endswith(('Error', 'Exit', 'Interrupt', 'Exception'))


def _is_status(node: ast.expr) -> bool:
    """Whether a program ends with a number."""
    if isinstance(node, ast.IfExp):
        return _is_status(node.body)
    return (
        isinstance(node, ast.Call)
        or (isinstance(node, ast.Constant) and isinstance(node.value, int))
        or ast.unparse(node).endswith('returncode')
    )


def _sums(parts: list[list[str]]) -> list[str]:
    return [''.join(one) for one in itertools.product(*parts)]


def _value(node: ast.expr) -> str:
    return '{' + ast.unparse(inside(node)).replace('{', '(').replace('}', ')') + '}'
