"""Parts of pages that a script writes, between two comments of a name."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ['ROOT', 'run', 'with_part']

ROOT = Path(__file__).resolve().parents[1]


def with_part(page: str, name: str, part: str) -> str:
    """A page with another part between `<!-- begin NAME -->` and `<!-- end NAME -->`.

    Raises:
        ValueError: The page does not have both comments once.
    """
    begin, end = f'<!-- begin {name} -->', f'<!-- end {name} -->'
    pattern = f'{re.escape(begin)}.*?{re.escape(end)}'
    found, number = re.subn(
        pattern, lambda _: f'{begin}\n\n{part.strip()}\n\n{end}', page, flags=re.DOTALL
    )
    if number != 1:
        raise ValueError(f'expected {begin} ... {end} once in the page, got {number}')
    return found


def run(texts: Mapping[Path, str], command: str) -> None:
    """Write files, or with `--check` say which differ from what would be written."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--check', action='store_true', help='write nothing')
    check = parser.parse_args().check
    stale = [path for path, text in texts.items() if _read(path) != text]
    for path in stale:
        if not check:
            path.write_text(texts[path], encoding='utf-8')
        print('stale:' if check else 'written:', path.relative_to(ROOT))
    if check and stale:
        raise SystemExit(f'run {command}')


def _read(path: Path) -> str:
    return path.read_text(encoding='utf-8') if path.exists() else ''
