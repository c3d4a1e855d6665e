"""Read a table of numbers that a config gives: a file of NumPy, or lists."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, TypeAlias

import numpy as np

__all__ = ['Table', 'read_table']

Table: TypeAlias = str | PathLike[str] | Sequence[Sequence[float]]


def read_table(name: str, table: Any) -> np.ndarray | None:
    """The table as float32 (rows, columns); `None` if it is something else.

    Args:
        name: Name of the hyper-parameter, for the message.
        table: A file that `numpy.save` has written, or lists of numbers.

    Raises:
        ValueError: It cannot be read.
    """
    try:
        is_file = isinstance(table, (str, PathLike))
        values = np.load(table, allow_pickle=False) if is_file else np.array(table)
        found = values.astype(np.float32)
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(
            f'{name} must be rows of numbers, as lists or a file that numpy.save has '
            f'written ({error}), got {table!r}'
        ) from error
    fits = found.ndim == 2 and found.size and values.dtype.kind in 'fiu'
    return found if fits else None
