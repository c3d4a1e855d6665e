"""Turn exceptions into one sentence for the user of a tool."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ['TRACE', 'as_value_error', 'one_sentence']

LENGTH = 400
TRACE = 'CKD_MM_TRACE'
"""The variable of the environment that keeps the traces of our own errors."""


@contextmanager
def one_sentence() -> Iterator[None]:
    """End the program with the sentence of this package that an exception holds.

    Libraries wrap an exception of ours into one of theirs; the sentence is found there,
    too. Exceptions of other code pass with their trace, and so do ours where the
    environment has `CKD_MM_TRACE=1`.

    Raises:
        SystemExit: With the sentence; the status is 1.
    """
    try:
        yield
    except Exception as error:
        text = _our_sentence(error)
        if text is None or os.environ.get(TRACE):
            raise
        sys.exit(f'error: {text}')


def _our_sentence(error: BaseException | None) -> str | None:
    """Of the first exception in a chain that a module of this package raised.

    MMEngine raises again what it caught, of the same type. An exception of another type
    is a fault of its own, also where one of ours was being handled.
    """
    while isinstance(error, (ValueError, ImportError, OSError)):
        if _is_ours(error):
            return str(error)
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def as_value_error(what: str, way_out: str = '') -> Iterator[None]:
    """Turn every exception into a ValueError of one line.

    A ValueError of this package keeps its text. For any other exception, the line says
    what was tried, the type and the message, and what to do.

    Args:
        what: The subject of the sentence, such as `"a training step of a RetinaNet"`.
        way_out: What the user can do, if that is known.

    Raises:
        ValueError: Something was raised inside.
    """
    try:
        yield
    except Exception as error:
        text = _one_line(str(error))
        if not (isinstance(error, ValueError) and _is_ours(error)):
            text = _one_line(f'{what} ended in {type(error).__name__}: {text}')
            text = f'{text}; {way_out}' if way_out else text
        raise ValueError(text) from error


def _is_ours(error: BaseException) -> bool:
    """Whether a module of this package raised it."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not frames:
        return False
    return str(frames[-1].f_globals.get('__name__')).split('.')[0] == 'ckd_mm'


def _one_line(text: str) -> str:
    text = ' '.join(text.split())
    return text if len(text) <= LENGTH else f'{text[: LENGTH - 3]}...'
