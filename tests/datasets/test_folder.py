"""Folders that are written once, completely, and over nobody else's files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ckd_mm.datasets.folder import MANIFEST, write_once

SETTINGS: dict[str, object] = {'kind': 'test', 'format_version': 1}


def write(folder: Path) -> None:
    (folder / 'part').mkdir()
    (folder / 'part' / 'a.txt').write_text('a')
    (folder / 'b.txt').write_text('b')


def fail(folder: Path) -> None:
    write(folder)
    raise KeyboardInterrupt


def never(folder: Path) -> None:
    pytest.fail('must not write again')


def test_a_finished_folder_is_not_written_again(tmp_path: Path) -> None:
    root = tmp_path / 'new' / 'data'
    assert write_once(root, SETTINGS, write) is True
    assert write_once(root, SETTINGS, never) is False
    names = sorted(p.relative_to(root).as_posix() for p in root.rglob('*.*'))
    assert names == ['b.txt', MANIFEST, 'part/a.txt']


def test_an_interrupted_writing_leaves_nothing_and_starts_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_once(tmp_path / 'data', SETTINGS, fail)
    assert not any(tmp_path.iterdir())
    assert write_once(tmp_path / 'data', SETTINGS, write) is True


def test_what_a_killed_process_left_does_not_disturb(tmp_path: Path) -> None:
    (tmp_path / '.data-unfinished-x' / 'data').mkdir(parents=True)
    assert write_once(tmp_path / 'data', SETTINGS, write) is True


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / 'data').mkdir()
    assert write_once(tmp_path / 'data', SETTINGS, write) is True


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'thesis.tex').write_text('mine')
    with pytest.raises(FileExistsError, match='not written by this.*thesis.tex'):
        write_once(tmp_path / 'data', SETTINGS, never)
    assert [path.name for path in (tmp_path / 'data').iterdir()] == ['thesis.tex']
    assert (tmp_path / 'data' / 'thesis.tex').read_text() == 'mine'


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'data').write_text('mine')
    with pytest.raises(FileExistsError, match='not a folder'):
        write_once(tmp_path / 'data', SETTINGS, never)


def test_other_settings_are_refused(tmp_path: Path) -> None:
    write_once(tmp_path / 'data', SETTINGS, write)
    with pytest.raises(FileExistsError, match='other settings.*Delete or rename it'):
        write_once(tmp_path / 'data', {**SETTINGS, 'format_version': 2}, never)


@pytest.mark.parametrize('change', ['edit', 'add', 'remove'])
def test_changed_files_are_refused(tmp_path: Path, change: str) -> None:
    root = tmp_path / 'data'
    write_once(root, SETTINGS, write)
    if change == 'edit':
        (root / 'b.txt').write_text('B')
    elif change == 'add':
        (root / 'c.txt').write_text('')
    else:
        shutil.rmtree(root / 'part')
    with pytest.raises(FileExistsError, match='changed, added to or removed'):
        write_once(root, SETTINGS, never)


def test_of_two_processes_the_slower_one_yields(tmp_path: Path) -> None:
    root = tmp_path / 'data'

    def overtaken(folder: Path) -> None:
        write(folder)
        write_once(root, SETTINGS, write)

    assert write_once(root, SETTINGS, overtaken) is False
    assert [path.name for path in tmp_path.iterdir()] == ['data']


def test_a_foreign_folder_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / 'data'

    def overtaken(folder: Path) -> None:
        root.mkdir()
        (root / 'mine.txt').write_text('mine')

    with pytest.raises(FileExistsError, match='mine.txt'):
        write_once(root, SETTINGS, overtaken)
    assert (root / 'mine.txt').read_text() == 'mine'
