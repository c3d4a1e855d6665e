"""Turn exceptions into one sentence for the user of a tool."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ['as_value_error']

LENGTH = 400


@contextmanager
def as_value_error(what: str) -> Iterator[None]:
    """Turn every exception into a ValueError of one line.

    A ValueError of this package keeps its text. For any other exception, the line says
    what was tried, the type and the message.

    Args:
        what: The subject of the sentence, such as `"a training step of a RetinaNet"`.

    Raises:
        ValueError: Something was raised inside.
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
