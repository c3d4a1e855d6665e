"""Links between pages: one form for GitHub and for the site.

A page links to a file of the repository by its relative path, as GitHub shows it. The
site has a page for each file that is linked.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ['address', 'relinked', 'targets']

PAGES = {
    'README.md': 'index.md',
    'CONTRIBUTING.md': 'contributing.md',
    'CHANGELOG.md': 'changelog.md',
}
"""Pages of the repository's root that the navigation has."""
FENCE = r'^(?P<indent> *)(?P<fence>`{3,}|~{3,}).*?^(?P=indent)(?P=fence)[ ]*$'
LINK = re.compile(
    rf'{FENCE}|(?P<ticks>`+)[^`].*?(?P=ticks)(?!`)|(?<=\]\()(?P<target>[^)\s]+)(?=\))',
    re.MULTILINE | re.DOTALL,
)


def address(path: str) -> str:
    """Where the site has a file, relative to its root.

    Args:
        path: The file, relative to the repository, such as `docs/methods.md`.
    """
    if path.startswith('docs/'):
        return path.removeprefix('docs/')
    if path in PAGES:
        return PAGES[path]
    shown = path.endswith(('.md', '.png', '.svg'))
    visible = path.removeprefix('.')  # MkDocs leaves out hidden files
    return f'files/{visible}' if shown else f'files/{visible}.md'


def targets(markdown: str, source: str) -> Iterator[str]:
    """The files and folders that a page links to, relative to the repository.

    Links in code are none, and neither are links to the web or within the page.
    """
    for match in LINK.finditer(markdown):
        if match['target'] and _is_file(match['target']):
            yield _resolved(match['target'], source)


def relinked(markdown: str, source: str, known: Callable[[str], bool]) -> str:
    """A page with its links as the site needs them.

    Args:
        markdown: The page.
        source: Its file, relative to the repository.
        known: Whether the repository has a file; a link to another one stays as it is.
    """
    here = posixpath.dirname(address(source))

    def replaced(match: re.Match[str]) -> str:
        target = match['target']
        if not target or not _is_file(target):
            return match[0]
        path = _resolved(target, source)
        if not known(path):
            return match[0]
        anchor = target.partition('#')[2] if Path(path).suffix == '.md' else ''
        there = posixpath.relpath(address(path), here or '.')
        return f'{there}#{anchor}' if anchor else there

    return LINK.sub(replaced, markdown)


def _is_file(target: str) -> bool:
    return not re.match(r'[a-z]+:|#', target)


def _resolved(target: str, source: str) -> str:
    folder = posixpath.dirname(source)
    return posixpath.normpath(posixpath.join(folder, target.partition('#')[0]))
