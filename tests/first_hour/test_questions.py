"""The list of questions, the table, and what is carried to the machine."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from device.first_hour import prepare
from device.first_hour.__main__ import main
from device.first_hour.places import ROOT
from device.first_hour.questions import QUESTIONS, SET_UP, Question, named
from device.first_hour.running import Answer
from device.first_hour.table import collected, page, save
from setup_env.paths import PINS, read_pins

EVERY = [*SET_UP, *(one for questions in QUESTIONS.values() for one in questions)]
RESULTS = ROOT / 'benchmarks' / 'results'


@pytest.mark.parametrize('question', EVERY, ids=lambda one: one.name)
def test_each_question_has_a_function_that_answers(question: Question) -> None:
    module, function = question.answer.split(':')
    assert callable(getattr(importlib.import_module(module), function))


def test_names_are_unique() -> None:
    names = [one.name for one in EVERY]
    assert sorted(set(names)) == sorted(names)


def test_a_name_that_no_row_has_is_refused_with_those_that_there_are() -> None:
    wanted = ['packages', 'operators_built', 'waits']
    assert [one.name for one in named('check', ['waits'])] == wanted
    with pytest.raises(ValueError, match='check has no memory; it has: packages, .*'):
        named('check', ['memory'])


@pytest.mark.parametrize('name', ['first_hour.md', 'first_hour_dry_run.md'])
def test_a_committed_table_has_the_rows_of_the_list(name: str) -> None:
    text = (RESULTS / name).read_text()
    found = re.findall(r'^\| (\w+) \| (.+?) \| (?:ok|FAILED|n)', text, re.MULTILINE)
    assert found == [(one.name, one.shows) for one in EVERY]


def test_without_answers_all_rows_say_that_they_were_not_run() -> None:
    text = page({})
    assert text.count('| not run yet | | |') == len(EVERY)


def test_answers_of_several_commands_make_one_table(tmp_path: Path) -> None:
    heads = [
        dict(command=f'first_hour {name}', when='today', dry=False)
        for name in ('check', 'bench')
    ]
    first = {'versions': Answer('ok', 'one'), 'waits': Answer('ok')}
    second = {'versions': Answer('ok', 'two'), 'memory': Answer('ok')}
    save(tmp_path / 'check.json', first, heads[:1])
    save(tmp_path / 'bench.json', second, heads[1:])
    answers, found = collected([tmp_path])
    assert found == heads
    assert answers['versions'].text == 'one'
    text = page(answers, found)
    assert text.count('| not run yet |') == len(EVERY) - 3
    assert 'dry run' not in text


def test_a_dry_run_says_so(tmp_path: Path) -> None:
    head = dict(command='first_hour', when='today', dry=True)
    save(tmp_path / 'check.json', {'versions': Answer('ok')}, [head])
    assert '**dry run on a CPU**' in page(*collected([tmp_path]))


def run_main(monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str]) -> int:
    monkeypatch.setattr('sys.argv', ['first_hour', *arguments])
    return main()


def test_the_table_is_written_to_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    to = tmp_path / 'table.md'
    head = dict(command='first_hour', when='today', dry=False)
    save(tmp_path / 'check.json', {'versions': Answer('ok')}, [head])
    assert (
        run_main(monkeypatch, ['table', '--from', str(tmp_path), '--to', str(to)]) == 0
    )
    assert to.read_text() == page({'versions': Answer('ok')}, [head])


def test_a_table_stays_if_there_are_no_answers_for_another(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    to = tmp_path / 'table.md'
    to.write_text('kept')
    arguments = ['table', '--from', str(tmp_path / 'nowhere'), '--to', str(to)]
    assert run_main(monkeypatch, arguments) == 2
    assert 'no answers of check, bench or train in' in capsys.readouterr().err
    assert to.read_text() == 'kept'


def test_answers_of_a_gpu_are_not_lost_to_a_dry_run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    head = dict(command='first_hour', when='today', dry=False)
    save(tmp_path / 'check.json', {'streams': Answer('ok', 'of a GPU')}, [head])
    before = (tmp_path / 'check.json').read_text()
    for only in ([], ['--only', 'versions']):
        arguments = ['check', '--dry-run', '--out', str(tmp_path), *only]
        assert run_main(monkeypatch, arguments) == 2
        assert 'answers of a GPU; name another folder' in capsys.readouterr().err
        assert (tmp_path / 'check.json').read_text() == before


def test_without_a_gpu_only_a_dry_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr('device.first_hour.__main__.sees_a_gpu', lambda: False)
    assert run_main(monkeypatch, ['check', '--out', str(tmp_path / 'out')]) == 2
    assert '--dry-run' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_what_is_pinned_is_carried_at_the_pinned_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: dict[str, list[str]] = {'download': [], 'wheel': []}
    monkeypatch.setattr(
        prepare, '_pip', lambda command, *rest: asked[command].extend(rest)
    )
    prepare.prepare(tmp_path, '3.12', ['safetensors'])
    pins = read_pins(PINS)
    for name in (*prepare.WHEELS, prepare.SOURCE, 'safetensors'):
        assert pins.get(name, name) in asked['download']
    for name in prepare.BUILT_HERE:
        assert pins[name] in asked['wheel']
    ours = {pin for name, pin in pins.items() if name.startswith('onedl-')}
    assert ours <= {*asked['download'], *asked['wheel']}
    number = asked['download'].index('--python-version')
    assert asked['download'][number + 1] == '3.12'


def test_what_is_carried_is_what_the_stack_requires() -> None:
    """Of its requirements, all but those that such a machine has already."""
    required = {
        re.split(r'[^\w-]', line)[0].lower()
        for name in ('onedl-mmengine', 'onedl-mmcv', 'onedl-mmdetection')
        for line in importlib.metadata.requires(name) or []
        if 'extra ==' not in line
    }
    there = {'matplotlib', 'numpy', 'opencv-python', 'packaging', 'pillow', 'pyyaml'}
    there |= {'regex', 'rich', 'scipy', 'tqdm', 'torch', 'torchvision'}
    lacking = required - there - set(prepare.WHEELS) - {prepare.SOURCE}
    assert lacking <= {'onedl-mmengine', 'onedl-mmcv', 'onedl-mmdetection'}, lacking
