"""A ranking beside what a chain has given, through the tools as a user calls them."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from ckd_mm.atomic import write_json
from ckd_mm.chain import plan_chain, read_chain
from ckd_mm.probing.untrained import build_untrained
from ckd_mm.ranking import Model, read_ranking, read_trained

Write = Callable[..., Path]
OfWidth = Callable[..., dict[str, Any]]
Tool = Callable[..., str]
KD = dict(distill=dict(kd=dict(on='logits', loss=dict(type='KDLoss'))))
RESULTS = dict(big=99.0, small=80.0, middle=90.0, large=70.0)


@pytest.fixture
def chain(write: Write, of_width: OfWidth, tmp_path: Path) -> Path:
    """A teacher and three students; all runs are finished, with random weights."""
    widths = dict(small=2, middle=4, large=8)
    links = dict(
        big=of_width(8),
        **{k: of_width(n, teacher='big', **KD) for k, n in widths.items()},
    )
    path = write(
        'chain.py', links=links, metric='accuracy/top1', seeds=[0, 1], baseline='small'
    )
    for run in plan_chain(read_chain(path), tmp_path / 'work'):
        run.folder.mkdir(parents=True)
        model = build_untrained(run.cfg)[1]
        torch.save({'state_dict': model.state_dict()}, run.folder / 'epoch_1.pth')
        (run.folder / 'last_checkpoint').write_text(str(run.folder / 'epoch_1.pth'))
        top1 = RESULTS[run.method] + 2 * (run.seed or 0)
        result = dict(metrics={'accuracy/top1': top1}, resumed=False, seconds=1)
        write_json(run.folder / 'result.json', result)
    return path


@pytest.fixture
def students(write: Write, of_width: OfWidth) -> Mapping[str, Model]:
    """Those of the chain, as a ranking has them."""
    entries = dict(small=of_width(2), middle=of_width(4), large=of_width(8))
    ranking = write('students.py', students=entries, teacher=of_width(8))
    return read_ranking(ranking, 'students').models


@pytest.fixture
def tool(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Tool:
    """Call one of the tools in this process."""

    def call(name: str, *arguments: Any) -> str:
        argv = [name, *map(str, arguments), '--work-dir', str(tmp_path / 'work')]
        monkeypatch.setattr(sys, 'argv', argv)
        monkeypatch.setattr('logging.disable', lambda level: None)
        importlib.import_module(f'tools.{name}').main()
        return capsys.readouterr().out

    return call


def test_students_are_ordered_and_compared_with_what_they_have_reached(
    chain: Path, write: Write, of_width: OfWidth, tool: Tool
) -> None:
    students = dict(small=of_width(2), middle=of_width(4), large=of_width(8))
    ranking = write(students=students, teacher=of_width(8))
    sizes = ('--images', 8, '--draws', 1)
    text = tool('rank_students', ranking, '--trained', chain, *sizes)
    assert re.search(r'\| middle \| -\S+ \| - \| -\S+ \| \S+ M \| .* ms \| 91 \|', text)
    assert re.search(r'\| large \| -\S+ \| -\S+ \| .* ms \| 71 \|', text)
    assert '| parameters | -0.50 | -0.33 |' in text, 'as 80, 90, 70 say'
    assert '| semantics | - | - |' in text
    assert 'trained' not in tool('rank_students', ranking, *sizes)


def test_teachers_get_the_weights_of_the_chain(
    write: Write, of_width: OfWidth, tool: Tool, chain: Path, tmp_path: Path
) -> None:
    """The chain has one teacher with three students: which of them counts?"""
    teachers = dict(big=of_width(8), small=of_width(2), middle=of_width(4))
    ranking = write(teachers=teachers)
    with pytest.raises(
        SystemExit, match="error: link 'big' of .* must have one student"
    ):
        tool('rank_teachers', ranking, '--trained', chain)
    links = dict(
        big=of_width(8),
        p=of_width(2, teacher='big', **KD),
        small=of_width(2),
        q=of_width(2, teacher='small', **KD),
        middle=of_width(4),
        r=of_width(2, teacher='middle', **KD),
    )
    several = write('pupils.py', links=links, metric='accuracy/top1', seeds=[0])
    runs = plan_chain(read_chain(several), tmp_path / 'work')
    for number, run in enumerate(runs):
        run.folder.mkdir(parents=True, exist_ok=True)
        model = build_untrained(run.cfg)[1]
        torch.save({'state_dict': model.state_dict()}, run.folder / 'a.pth')
        (run.folder / 'last_checkpoint').write_text(str(run.folder / 'a.pth'))
        metrics = {'accuracy/top1': 50.0 + number}
        write_json(run.folder / 'result.json', dict(metrics=metrics))
    text = tool('rank_teachers', ranking, '--trained', several, '--images', 30)
    for name, reached in (('big', 51), ('small', 53), ('middle', 55)):
        assert re.search(rf'\| {name} \| .* % \| - \| \S+ M \| {reached} \|', text)
    assert '| agreement | - | - |' in text
    models = read_ranking(ranking, 'teachers').models
    found, weights = read_trained(several, tmp_path / 'work', 'teachers', models)
    assert found == dict(big=51.0, small=53.0, middle=55.0)
    assert weights['big'] == str(runs[0].folder / 'a.pth')


def test_a_teacher_that_the_chain_is_given_keeps_its_weights(
    write: Write, of_width: OfWidth, tmp_path: Path
) -> None:
    model = build_untrained(of_width(8)['config'])[1]
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'given.pth')
    given = dict(config=of_width(8)['config'], checkpoint=str(tmp_path / 'given.pth'))
    links = dict(given=given, pupil=of_width(2, teacher='given', **KD))
    path = write('given.py', links=links, metric='accuracy/top1', seeds=[0])
    (run,) = plan_chain(read_chain(path), tmp_path / 'work')
    run.folder.mkdir(parents=True)
    write_json(run.folder / 'result.json', dict(metrics={'accuracy/top1': 50.0}))
    models = dict(given=Model(Config.fromfile(given['config'])))
    found, weights = read_trained(path, tmp_path / 'work', 'teachers', models)
    assert (found, weights) == (dict(given=50.0), dict(given=given['checkpoint']))
    with pytest.raises(ValueError, match="'given' of .* has a checkpoint, so the chai"):
        read_trained(path, tmp_path / 'work', 'students', models)


def test_models_are_compared_by_the_seeds_that_all_have(
    chain: Path, students: Mapping[str, Model], tmp_path: Path
) -> None:
    students = {name: students[name] for name in ('small', 'middle')}
    (result,) = (tmp_path / 'work/small').glob('seed0-*/result.json')
    result.unlink()
    found, _ = read_trained(chain, tmp_path / 'work', 'students', students)
    assert found == dict(small=82.0, middle=92.0), 'seed 1 alone'
    for path in (tmp_path / 'work/middle').glob('seed1-*/result.json'):
        path.unlink()
    with pytest.raises(ValueError, match="'small' .* of a seed that all have finished"):
        read_trained(chain, tmp_path / 'work', 'students', students)


def test_what_is_not_trained_or_no_link_is_one_line(
    chain: Path,
    students: Mapping[str, Model],
    write: Write,
    of_width: OfWidth,
    tool: Tool,
    tmp_path: Path,
) -> None:
    other = dict(small=of_width(2), large=of_width(8), huge=of_width(4))
    ranking = write(students=other, teacher=of_width(8))
    with pytest.raises(
        SystemExit, match="has no link 'huge'; it has .*; give the models"
    ):
        tool('rank_students', ranking, '--trained', chain)
    with pytest.raises(
        ValueError, match=r"'small' of .* has no result in .*; train it"
    ):
        read_trained(chain, tmp_path / 'elsewhere', 'students', students)
    other['huge'] = other.pop('small')
    two = write(students=other, teacher=of_width(8))
    with pytest.raises(
        SystemExit, match='needs 3 models at least, got 2; add some, or'
    ):
        tool('rank_students', two, '--trained', chain)
    wide = dict(students, small=students['large'])
    with pytest.raises(ValueError, match="link 'small' of .* has another backbone"):
        read_trained(chain, tmp_path / 'work', 'students', wide)
