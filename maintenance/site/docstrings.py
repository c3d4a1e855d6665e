"""Docstrings as Markdown: they are written with a few roles of Sphinx."""

from __future__ import annotations

import inspect
import re
from typing import Any

import griffe

__all__ = ['Roles', 'markdown']

ROLE = re.compile(r':\w+:`~?([\w.]+)`')
FORMULA = re.compile(r'^\.\. math::\n(?P<formula>(?:\n|[ ]+.*\n?)+)', re.MULTILINE)


class Roles(griffe.Extension):
    """Gives mkdocstrings every docstring in Markdown."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Change the docstring of an object, if it has one."""
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(docstring: str) -> str:
    """A docstring with roles as code, and `.. math::` as a fence of `math`."""
    text = ROLE.sub(r'`\1`', docstring)
    return FORMULA.sub(_fence, text)


def _fence(match: re.Match[str]) -> str:
    formula = inspect.cleandoc(match['formula'].strip('\n'))
    return f'```math\n{formula}\n```\n\n'
