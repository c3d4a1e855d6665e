"""A mistake on the command line, or a broken file, is a sentence."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from device.first_hour.__main__ import main
from device.first_hour.arguments import parser
from device.first_hour.running import Answer
from device.first_hour.table import save

HEAD = dict(command='first_hour', when='today', dry=True)


def refusal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> str:
    """What a command prints that ends with status 2."""
    monkeypatch.setattr('sys.argv', ['first_hour', *map(str, words)])
    try:
        status: object = main()
    except SystemExit as error:
        status = error.code
    assert status == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    'broken', ['{"heads": [', '[]', '{"answers": {}}', '{"answers": {}, "heads": [1]}']
)
def test_a_file_of_answers_that_is_cut_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    broken: str,
) -> None:
    (tmp_path / 'check.json').write_text(broken)
    to = tmp_path / 'table.md'
    for words in (
        ('table', '--from', tmp_path, '--to', to),
        ('check', '--dry-run', '--out', tmp_path),
    ):
        said = refusal(monkeypatch, capsys, *words)
        assert str(tmp_path / 'check.json') in said
        assert 'cut or changed; move it away' in said
    assert not to.exists()
    assert (tmp_path / 'check.json').read_text() == broken


@pytest.mark.parametrize('below', ['.', 'file/table.md'])
def test_a_table_that_cannot_be_written_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    below: str,
) -> None:
    save(tmp_path / 'check.json', {'waits': Answer('ok')}, [HEAD])
    (tmp_path / 'file').touch()
    to = tmp_path / below
    said = refusal(monkeypatch, capsys, 'table', '--from', tmp_path, '--to', to)
    assert f'--to must be a file that can be written, got {to}: ' in said


def test_a_table_is_written_to_a_new_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    save(tmp_path / 'check.json', {'waits': Answer('ok')}, [HEAD])
    to = tmp_path / 'new' / 'table.md'
    monkeypatch.setattr(
        'sys.argv', ['first_hour', 'table', '--from', str(tmp_path), '--to', str(to)]
    )
    assert main() == 0
    assert '| waits |' in to.read_text()


@pytest.mark.parametrize('below', ['file', 'file/folder'])
def test_results_go_to_a_folder(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    below: str,
) -> None:
    (tmp_path / 'file').touch()
    out = tmp_path / below
    said = refusal(monkeypatch, capsys, 'check', '--dry-run', '--out', out)
    assert f'--out must be a folder that can be written, got {out}: ' in said


@pytest.mark.parametrize('minutes', ['-3', '0', 'nan', 'inf', 'ten'])
def test_minutes_are_a_number_above_zero(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], minutes: str
) -> None:
    said = refusal(monkeypatch, capsys, 'check', '--dry-run', f'--minutes={minutes}')
    assert f'--minutes: must be a finite number > 0, got {minutes}' in said


def test_every_command_and_option_has_a_help_text() -> None:
    (commands,) = (action for action in parser()._actions if action.dest == 'name')
    assert isinstance(commands, argparse._SubParsersAction)
    assert [one.dest for one in commands._choices_actions if not one.help] == []
    for name, command in commands.choices.items():
        lacking = [action.dest for action in command._actions if not action.help]
        assert lacking == [], f'{name} has options without a text'
