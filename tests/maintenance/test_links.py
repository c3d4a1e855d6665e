"""Links of pages work on GitHub and on the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pytest

from maintenance.site.links import FENCE, LINK, address, relinked, targets

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ('docs', 'configs', 'benchmarks')
    for path in (ROOT / folder).rglob('*.md')
) + ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md']


def test_every_link_to_a_file_leads_to_one() -> None:
    dead = [
        f'{page} -> {target}'
        for page in PAGES
        for target in targets((ROOT / page).read_text(encoding='utf-8'), page)
        if not (ROOT / target).exists()
    ]
    assert not dead


def test_every_anchor_is_a_heading_as_github_names_it() -> None:
    headings = {page: _anchors((ROOT / page).read_text()) for page in PAGES}
    dead = []
    for page in PAGES:
        for match in LINK.finditer((ROOT / page).read_text()):
            path, _, anchor = (match['target'] or '').partition('#')
            there = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
            named = headings.get(there if path else page)
            if anchor and named is not None and anchor not in named:
                dead.append(f'{page} -> {match["target"]}')
    assert not dead


def test_what_belongs_to_an_item_is_indented_by_four() -> None:
    """GitHub takes two spaces as well. The site would run items into one paragraph."""
    nested = r'^ {1,3}(?:[-*]|\d+\.) .*|(?<=\n\n) {1,3}\S.*'
    joined = r'(?<=\n\n) {4}[^\s-].*\n(?: {4}.*\n)*(?:[-*]|\d+\.) .*'
    wrong = re.compile(f'{nested}|{joined}', re.M)
    for page in PAGES:
        text = (ROOT / page).read_text()
        text = re.sub(
            FENCE.replace('indent> *', 'indent>(?: {4})*'), '', text, flags=re.M | re.S
        )
        assert not wrong.findall(text), page


@pytest.mark.parametrize(
    ('source', 'link', 'expected'),
    [
        ('README.md', 'docs/methods.md#logits', 'methods.md#logits'),
        ('docs/methods/kd.md', '../methods.md', '../methods.md'),
        ('docs/speed.md', '../configs/a.py', 'files/configs/a.py.md'),
        ('docs/how_to/x.md', '../../CHANGELOG.md', '../changelog.md'),
        ('docs/scale.md', '../tests/a.py#L3', 'files/tests/a.py.md'),
        ('benchmarks/results/a.md', 'a.png', 'a.png'),
        ('docs/x.md', '../.importlinter', 'files/importlinter.md'),
        ('docs/x.md', 'https://arxiv.org/abs/1', 'https://arxiv.org/abs/1'),
        ('docs/x.md', '#here', '#here'),
    ],
)
def test_a_link_leads_to_the_page_that_the_site_has(
    source: str, link: str, expected: str
) -> None:
    page = relinked(f'See [it]({link}).', source, known=lambda path: True)
    assert page == f'See [it]({expected}).'


@pytest.mark.parametrize(
    'page',
    [
        '````markdown\n[a](../b.py)\n```\n[a](../b.py)\n````\n',
        'Write `[a](../b.py)`.',
        '- item\n\n    ```python\n    x = "[a](../b.py)"\n    ```\n',
    ],
)
def test_code_is_left_as_it_is(page: str) -> None:
    assert relinked(page, 'docs/x.md', known=lambda path: True) == page
    assert not list(targets(page, 'docs/x.md'))


def test_a_link_with_code_in_its_words_is_one() -> None:
    assert list(targets('[`a`](b.md) and [c](d.md)', 'docs/x.md')) == [
        'docs/b.md',
        'docs/d.md',
    ]


def test_a_link_to_nothing_stays_for_mkdocs_to_report() -> None:
    page = '[a](gone.md)'
    assert relinked(page, 'docs/x.md', known=lambda path: False) == page


def test_two_files_never_share_a_page() -> None:
    files = {target for page in PAGES for target in targets_of(page)}
    assert len({address(path) for path in files}) == len(files)


def targets_of(page: str) -> list[str]:
    return list(targets((ROOT / page).read_text(encoding='utf-8'), page))


def _anchors(markdown: str) -> set[str]:
    """How GitHub names the headings of a page; the second of a name gets `-1`."""
    text = re.sub(FENCE, '', markdown, flags=re.M | re.S)
    found: list[str] = []
    for title in re.findall(r'^#+ +(.*?) *$', text, re.M):
        words = re.sub(r'\]\([^)]*\)', '', title).lower()
        name = re.sub(r'[^\w\- ]', '', words).replace(' ', '-')
        found.append(f'{name}-{found.count(name)}' if name in found else name)
    return set(found)
