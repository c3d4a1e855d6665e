"""The lists of losses are what the files of the losses say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ckd_mm.registry import LOSSES
from maintenance import lists, pages

ROOT = Path(__file__).parents[2]
CARD = """# New

## What it asks of the student

The values
of a | b. More of it.

## Use

On: {on}.
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The losses of a project with one new loss, and no list that names it."""
    package = tmp_path / 'ckd_mm' / 'losses'
    package.mkdir(parents=True)
    (tmp_path / 'docs' / 'methods').mkdir(parents=True)
    (package / '__init__.py').write_text(
        '"""All."""\n\nfrom __future__ import annotations\n'
    )
    (package / 'new.py').write_text("__all__ = ['NewLoss', 'OPTIONS', 'Option']\n")
    (package / '_shared.py').write_text("__all__ = ['shared']\n")
    monkeypatch.setattr(lists, 'ROOT', tmp_path)
    monkeypatch.setattr(lists, 'CARDS', tmp_path / 'docs' / 'methods')
    return package


def write_card(text: str) -> None:
    (lists.CARDS / 'new.md').write_text(text)


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


def test_a_new_file_is_exported_before_any_list_names_it(package: Path) -> None:
    text = lists.init_text(package)
    assert 'from ckd_mm.losses.new import NewLoss\n' in text
    assert text.endswith("__all__ = [\n    'NewLoss',\n]\n")
    assert 'shared' not in text
    assert text.startswith('"""All."""')


@pytest.mark.parametrize(
    'text',
    [
        '"""Helpers."""\n',
        "__all__: list[str] = ['OtherLoss']\n",
        "__all__ = ['Other']\n",
    ],
    ids=['no __all__', 'annotated __all__', 'no name of a loss'],
)
def test_a_module_with_nothing_to_export_is_refused_by_its_name(
    package: Path, text: str
) -> None:
    """An import of no names would be a syntax error in the whole package."""
    (package / 'other.py').write_text(text)
    with pytest.raises(ValueError, match=r'losses/other\.py needs .* "_other\.py"'):
        lists.init_text(package)


def test_ruff_leaves_the_imports_as_they_are_written(package: Path) -> None:
    """Else `make lists` and `make format` would undo each other."""
    for module in ('kd', 'kd2', 'kd10', 'kd_x', 'aloss'):
        path = package / f'{module}.py'
        path.write_text(f"__all__ = ['{module}_loss', '{module.upper()}Loss']\n")
    names = [f'a_quite_long_name_number_{number}' for number in (1, 2, 10)]
    (package / 'many.py').write_text(f'__all__ = {names}\n')
    text = lists.init_text(package)
    config = f'--config={ROOT / "pyproject.toml"}'
    for command in (['check'], ['format', '--check']):
        done = subprocess.run(
            [sys.executable, '-m', 'ruff', *command, config, '--no-cache', '-']
            + ['--stdin-filename', str(package / '__init__.py')],
            input=text,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ('on', 'table'),
    [
        ('`logits`, `roi_logits`', 'logits'),
        ('`roi_logits` of two-stage detectors', 'logits'),
        ('`dense_objectness`', 'logits'),
        ('`box_distribution`', 'logits'),
        ('`embedding`, or feature maps', 'embeddings'),
        ('`rpn_boxes`', 'boxes'),
        ('`backbone` and `neck`', 'maps'),
        ('`semantic_logits`, which are maps', 'maps'),
        ('feature maps of one layer', 'maps'),
    ],
)
def test_the_on_of_a_card_says_which_table_has_its_loss(
    package: Path, on: str, table: str
) -> None:
    write_card(CARD.format(on=on))
    (row,) = lists.methods()[table].splitlines()[2:]
    assert row == rf'| [`NewLoss`](methods/new.md) | The values of a \| b | {on} |'


def test_maps_with_channels_to_learn_have_a_table_of_their_own(package: Path) -> None:
    write_card(CARD.format(on='`neck`'))
    with (package / 'new.py').open('a') as file:
        file.write('def f(student_channels: int) -> None: ...\n')
    assert list(lists.methods()) == ['maps-learned']


def test_a_table_whose_last_loss_went_loses_its_row(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = (
        f'<!-- begin {name} -->\nold\n<!-- end {name} -->' for name in lists.TABLES
    )
    page = lists.ROOT / 'docs' / 'methods.md'
    page.write_text('\n'.join(parts))
    write_card(CARD.format(on='`neck`'))
    written = lists.methods_text()
    assert 'old' not in written
    assert written.count('| [`NewLoss`]') == 1


def test_a_bar_in_the_first_line_of_a_config_does_not_end_its_cell(
    package: Path,
) -> None:
    config = lists.ROOT / 'configs' / 'mmpretrain' / 'digits' / 'new_digits.py'
    config.parent.mkdir(parents=True)
    config.write_text('"""New | old: digits."""\n')
    table = lists.unlisted_configs('<!-- begin configs -->\n<!-- end configs -->')
    assert table.endswith(r'(mmpretrain/digits/new_digits.py) | New \| old: digits |')


@pytest.mark.parametrize(
    ('card', 'expected'),
    [
        (CARD.format(on='somewhere'), r'new\.md: no table .* got somewhere'),
        (CARD.replace('## Use', '## Usage'), r'new\.md needs a heading "## Use"'),
    ],
    ids=['On', 'heading'],
)
def test_a_card_that_fits_no_table_is_refused_by_its_name(
    package: Path, card: str, expected: str
) -> None:
    write_card(card)
    with pytest.raises(ValueError, match=expected):
        lists.methods()


def test_check_writes_nothing_and_says_which_command_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, 'ROOT', tmp_path)
    page = tmp_path / 'page.md'
    monkeypatch.setattr(sys, 'argv', ['lists', '--check'])
    with pytest.raises(SystemExit, match='run make lists'):
        pages.run({page: 'new'}, 'make lists')
    assert capsys.readouterr().out == 'stale: page.md\n'
    assert not page.exists()
    monkeypatch.setattr(sys, 'argv', ['lists'])
    pages.run({page: 'new'}, 'make lists')
    assert capsys.readouterr().out == 'written: page.md\n'
    assert page.read_text() == 'new'
    pages.run({page: 'new'}, 'make lists')
    assert not capsys.readouterr().out, 'what is as it should be is not written again'


def test_a_page_without_the_comments_is_refused() -> None:
    with pytest.raises(ValueError, match='<!-- begin x --> ... <!-- end x --> once'):
        pages.with_part('nothing', 'x', 'table')
    page = '<!-- begin x -->\nold\n<!-- end x -->\nrest'
    assert 'old' not in pages.with_part(page, 'x', 'new')
    assert pages.with_part(page, 'x', 'new').endswith('rest')
