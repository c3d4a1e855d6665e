"""Exceptions of the libraries, as a sentence for whoever runs a tool."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ['as_value_error']

LENGTH = 400


@contextmanager
def as_value_error(what: str) -> Iterator[None]:
    """Have every exception leave as a ValueError of one line.

    Those of this package are sentences already. One of a library says what was tried,
    its type and its message.

    Args:
        what: The subject of the sentence, such as `"a training step of a RetinaNet"`.

    Raises:
        ValueError: Whatever was raised inside.
    """
    try:
        yield
    except Exception as error:
        text = str(error)
        if not (isinstance(error, ValueError) and _is_ours(error)):
            text = f'{what} ended in {type(error).__name__}: {text}'
        raise ValueError(_one_line(text)) from error


def _is_ours(error: Exception) -> bool:
    """Whether a module of this package raised it."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get('__name__')).split('.')[0] == 'ckd_mm'


def _one_line(text: str) -> str:
    text = ' '.join(text.split())
    return text if len(text) <= LENGTH else f'{text[: LENGTH - 3]}...'
