"""Links of pages work on GitHub and on the site."""

from __future__ import annotations

from pathlib import Path

import pytest

from maintenance.site.links import address, relinked, targets

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
