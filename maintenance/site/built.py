"""What is wrong in the built site, as a browser would find it.

MkDocs checks the links of Markdown. This also sees those of the theme, of generated
pages and of HTML, and images that say nothing to who cannot see them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ['faults']

TAG = re.compile(r'<(\w+)\s([^<>]*)>')
ATTRIBUTE = re.compile(r'([\w-]+)\s*=\s*(?:"([^"]*)"|\'([^\']*)\'|([^\s"\'>]+))')
MISSING = '404.html'
"""A server shows it at any address, so its links are absolute."""
BY_SCRIPT = '__'
"""How the theme names what its own script makes."""


@dataclass(frozen=True)
class _Page:
    links: list[str]
    anchors: set[str]
    silent: list[str]


def faults(site: Path) -> list[str]:
    """One sentence for each dead link, dead anchor and image without words.

    Args:
        site: The folder that MkDocs has built.
    """
    pages = {
        path.resolve(): _read(path.read_text(encoding='utf-8'))
        for path in site.rglob('*.html')
        if path.name != MISSING
    }
    found = []
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        dead = {link for link in page.links if not _leads_somewhere(link, path, pages)}
        found += [f'{name} links to {link}, which is not there' for link in dead]
        found += [
            f'{name} shows {image} without a text for it' for image in page.silent
        ]
    return sorted(found)


def _read(html: str) -> _Page:
    page = _Page([], set(), [])
    for tag, attributes in _tags(html):
        page.anchors.update(attributes.get(key, '') for key in ('id', 'name'))
        page.links.extend(
            attributes[key] for key in ('href', 'src') if key in attributes
        )
        if tag == 'img' and not attributes.get('alt'):
            page.silent.append(attributes.get('src', '')[:60])
    return page


def _tags(html: str) -> Iterator[tuple[str, dict[str, str]]]:
    for tag, inside in TAG.findall(html):
        yield (
            tag,
            {key: unescape(a or b or c) for key, a, b, c in ATTRIBUTE.findall(inside)},
        )


def _leads_somewhere(link: str, path: Path, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or parts.fragment.startswith(BY_SCRIPT):
        return True
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if there.is_dir():
        there /= 'index.html'
    if parts.fragment and there in pages:
        return unquote(parts.fragment) in pages[there].anchors
    return there.exists()
