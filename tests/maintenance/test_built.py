"""What the built site is looked at for."""

from __future__ import annotations

from pathlib import Path

import pytest

from maintenance.site.built import faults

GOOD = """
<h2 id="here">Here</h2> <a href="#here">a</a> <a href='https://arxiv.org/abs/1'>b</a>
<a href="folder/#there">c</a> <a href="#__codelineno-1">d</a> <img alt="e" src="e.png">
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'folder/index.html').write_text('<p id="there">up: <a href="../">f</a>')
    (tmp_path / 'e.png').touch()
    (tmp_path / 'index.html').write_text(GOOD)
    (tmp_path / '404.html').write_text('<a href="/anywhere">g</a>')
    return tmp_path


def test_a_good_site_has_no_fault(site: Path) -> None:
    assert faults(site) == []


@pytest.mark.parametrize(
    ('html', 'fault'),
    [
        ('<a href="gone.html">', 'links to gone.html, which is not there'),
        ('<a href="#gone">', 'links to #gone, which is not there'),
        ('<a href="folder/#gone">', 'links to folder/#gone, which is not there'),
        ('<script src=gone.js></script>', 'links to gone.js, which is not there'),
        ('<img src="e.png">', 'shows e.png without a text for it'),
    ],
)
def test_a_fault_is_named_with_its_page(site: Path, html: str, fault: str) -> None:
    (site / 'index.html').write_text(GOOD + html)
    assert faults(site) == [f'index.html {fault}']
