"""Source files as trees, and the expressions that a name stands for in them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

__all__ = ['Owner', 'Source', 'inside', 'is_text', 'parameters', 'parts']

Owner = ast.FunctionDef | None
"""The function that a node is in; None outside of functions."""


@dataclass(frozen=True)
class Source:
    """A source file.

    Attributes:
        name: Its path in the repository.
        tree: What is in it.
        owners: The innermost function of each node.
        inner: The nodes of each function, without those of functions inside of it.
        imports: The module that a name is imported from.
    """

    name: str
    tree: ast.Module
    owners: dict[ast.AST, Owner] = field(default_factory=dict)
    inner: dict[Owner, list[ast.AST]] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.inner[None] = []
        self._own(self.tree, None)
        for node in self.owners:
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [one.asname or one.name for one in node.names]
                self.imports.update(dict.fromkeys(names, node.module))

    def functions(self, name: str) -> list[ast.FunctionDef]:
        """Those of a name, methods too."""
        return [one for one in self.inner if one is not None and one.name == name]

    def class_of(self, owner: Owner) -> ast.ClassDef | None:
        """The class that a method is in."""
        for node in self.owners:
            if isinstance(node, ast.ClassDef) and owner in node.body:
                return node
        return None

    def returned(self, function: ast.FunctionDef) -> list[ast.expr]:
        """What a function returns."""
        found = [one for one in self.inner[function] if isinstance(one, ast.Return)]
        return [one.value for one in found if one.value is not None]

    def caught(self, owner: Owner) -> list[str]:
        """The names of the exceptions that a function catches."""
        found = [one for one in self.inner[owner] if isinstance(one, ast.ExceptHandler)]
        return [one.name for one in found if one.name]

    def is_local(self, owner: Owner, name: str) -> bool:
        """Whether a function sets a variable of this name."""
        return any(
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and node.id == name
            for node in self.inner[owner]
        )

    def bound(self, owner: Owner, name: str) -> list[ast.expr]:
        """The expressions that are assigned to a name, in a function or outside."""
        values, added = [], []
        for node in self.inner[owner]:
            if isinstance(node, ast.Assign):
                values += [
                    value
                    for target in node.targets
                    for value in _assigned(target, node.value, name)
                ]
            elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value:
                values += _assigned(node.target, node.value, name)
            elif isinstance(node, ast.AugAssign):
                added += _assigned(node.target, node.value, name)
        sums = [ast.BinOp(left, ast.Add(), right) for left in values for right in added]
        return [*values, *sums]

    def _own(self, node: ast.AST, owner: Owner) -> None:
        for child in ast.iter_child_nodes(node):
            self.owners[child] = owner
            self.inner[owner].append(child)
            if isinstance(child, ast.FunctionDef):
                self.inner[child] = []
                self._own(child, child)
            else:
                self._own(child, owner)


def parameters(function: ast.FunctionDef) -> list[str]:
    """The names of the arguments, without that of the object."""
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return [name for name in names if name not in ('self', 'cls')]


def parts(node: ast.expr) -> list[ast.expr]:
    """Of a text that is put together: `f'...'`, `... + ...`, `'...'.join([...])`."""
    if isinstance(node, ast.JoinedStr):
        return node.values
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = (node.left, node.right)
        return [part for side in sides for part in parts(side) or [side]]
    if isinstance(node, ast.Call) and node.args:
        join, items = node.func, node.args[0]
        if isinstance(join, ast.Attribute) and join.attr == 'join':
            listed = items.elts if isinstance(items, (ast.List, ast.Tuple)) else []
            return [part for item in listed for part in (join.value, item)][1:]
    return []


def inside(node: ast.expr) -> ast.expr:
    """The expression of a part of a text or of a list."""
    return node.value if isinstance(node, (ast.FormattedValue, ast.Starred)) else node


def is_text(node: ast.expr) -> bool:
    """Whether the words are written here."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _assigned(target: ast.expr, value: ast.expr, name: str) -> list[ast.expr]:
    """What a name gets of a value; a choice of a written dict is each of its values."""
    if isinstance(target, ast.Name):
        return [value] if target.id == name else []
    if not isinstance(target, ast.Tuple):
        return []
    is_choice = isinstance(value, ast.Subscript) and isinstance(value.value, ast.Dict)
    choices = value.value.values if is_choice else [value]  # type: ignore[attr-defined]
    return [
        found
        for choice in choices
        if isinstance(choice, ast.Tuple) and len(choice.elts) == len(target.elts)
        for one, part in zip(target.elts, choice.elts, strict=True)
        for found in _assigned(one, part, name)
    ]
