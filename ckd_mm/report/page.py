"""The page itself: its content, its template, and where it may be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from ckd_mm.atomic import replacing
from ckd_mm.report.examples import Example

__all__ = ['GENERATOR', 'Page', 'Row', 'Section', 'check_out', 'write_page']

GENERATOR = 'ckd_mm report'
"""Marks our pages, so that nothing else is overwritten."""

TEMPLATE = Path(__file__).with_name('page.html')


@dataclass(frozen=True)
class Row:
    """Pictures side by side, as many as the screen has room for.

    Attributes:
        figures: Pictures with their captions.
        heading: Stands above them.
        size: `'plot'`, or `'small'` for images.
    """

    figures: Sequence[Example]
    heading: str = ''
    size: str = 'plot'


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes:
        name: Its anchor.
        heading: Its title.
        text: How to read it.
        rows: Its pictures.
        missing: What could not be shown, and why.
    """

    name: str
    heading: str
    text: str = ''
    rows: Sequence[Row] = ()
    missing: Sequence[str] = ()


@dataclass(frozen=True)
class Page:
    """What the template shows.

    Attributes:
        title: The heading.
        table: Rows of cells, the headings first.
        notes: How to read the table.
        sections: The parts below it.
        settings: The hook's arguments as text.
        footer: Command, versions and machine.
    """

    title: str
    table: Sequence[Sequence[str]] = ()
    notes: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=tuple)
    settings: str = ''
    footer: Sequence[str] = ()


def check_out(path: Path) -> None:
    """Check before the work that a page may be written here.

    Raises:
        ValueError: Another file, which is not a report, is there.
    """
    if not path.exists():
        return
    mark = f'content="{GENERATOR}"'
    if not path.is_file() or mark not in path.read_text('utf-8', 'replace')[:2000]:
        raise ValueError(
            f'{path} exists and is not a report of ckd_mm; give another file with --out'
        )


def write_page(path: Path, page: Page) -> None:
    """Write the page as one file that needs nothing else; an older one is replaced.

    Raises:
        ValueError: Another file, which is not a report, is there.
    """
    check_out(path)
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.from_string(TEMPLATE.read_text('utf-8'))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        draft.write_text(template.render(vars(page), generator=GENERATOR), 'utf-8')
