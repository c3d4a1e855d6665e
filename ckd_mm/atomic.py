"""Write a file so that it is there as a whole or not at all, whatever happens."""

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
    """A draft beside `path`, which takes its place when the block ends without error.

    It reaches the disk before that, so a machine that stops leaves no torn file.

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
    """Write a file with `content`."""
    with replacing(path) as draft:
        draft.write_text(json.dumps(content, indent=1), encoding='utf-8')
