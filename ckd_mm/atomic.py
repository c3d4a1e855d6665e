"""Write a file completely or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ['replacing', 'write_json']


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a draft beside `path`, which replaces it if the block ends without error.

    The draft is flushed to disk first, so a machine that stops leaves no torn file.

    Examples:
        >>> folder = getfixture('tmp_path')
        >>> with replacing(folder / 'new.txt') as draft:
        ...     _ = draft.write_text('all of it')
        >>> [path.name for path in folder.iterdir()]
        ['new.txt']
    """
    draft = path.with_name(f'{path.name}.tmp')
    try:
        yield draft
        with draft.open('rb+') as file:
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON, completely or not at all."""
    with replacing(path) as draft:
        draft.write_text(json.dumps(content, indent=1), encoding='utf-8')
