"""The lists of losses are what the files of the losses say."""

from __future__ import annotations

from pathlib import Path

import pytest

from ckd_mm.registry import LOSSES
from maintenance import lists, pages

ROOT = Path(__file__).parents[2]


def test_the_committed_lists_are_those_of_the_files() -> None:
    stale = [
        path.name for path, text in lists.texts().items() if path.read_text() != text
    ]
    assert not stale, f'run make lists: {stale} are stale'


def test_every_registered_loss_is_in_one_table() -> None:
    tables = '\n'.join(lists.methods().values())
    for name, cls in LOSSES.module_dict.items():
        if cls.__module__.startswith('ckd_mm.'):
            assert tables.count(f'[`{name}`]') == 1, name


def test_a_new_file_is_exported_before_any_list_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / 'ckd_mm' / 'losses'
    package.mkdir(parents=True)
    (package / '__init__.py').write_text('"""All."""\n\nfrom __future__ import x\n')
    (package / 'new.py').write_text("__all__ = ['NewLoss', 'OPTIONS', 'Option']\n")
    (package / '_shared.py').write_text("__all__ = ['shared']\n")
    monkeypatch.setattr(lists, 'ROOT', tmp_path)
    text = lists.init_text(package)
    assert 'from ckd_mm.losses.new import NewLoss\n' in text
    assert text.endswith("__all__ = [\n    'NewLoss',\n]\n")
    assert 'shared' not in text and text.startswith('"""All."""')


def test_a_page_without_the_comments_is_refused() -> None:
    with pytest.raises(ValueError, match='<!-- begin x --> ... <!-- end x --> once'):
        pages.with_part('nothing', 'x', 'table')
    page = '<!-- begin x -->\nold\n<!-- end x -->\nrest'
    assert 'old' not in pages.with_part(page, 'x', 'new')
    assert pages.with_part(page, 'x', 'new').endswith('rest')
