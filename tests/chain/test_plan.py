"""The runs of a chain, with a stand-in for tools/train.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ckd_mm.chain import chain_report, plan_chain, read_chain
from ckd_mm.compare import Run
from ckd_mm.compare.training import train

from .conftest import KD

Write = Callable[..., Path]

# Notes a checkpoint and a metric: 50, and 10 more for each run that ended before.
STAND_IN = """
import json, sys
from pathlib import Path

folder = Path(sys.argv[1]).parent
done = len(list(folder.parents[1].glob('*/*/result.json')))
(folder / 'epoch_1.pth').write_text('weights')
(folder / 'last_checkpoint').write_text(str(folder / 'epoch_1.pth'))
record = {'metrics': {'accuracy/top1': 50.0 + 10 * done}}
record |= dict(seconds=0.1, bytes=2**20, ended=True)
(folder / 'draft').write_text(json.dumps(record))
(folder / 'draft').replace(folder / 'record.json')
"""


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Run]]:
    """Plan a chain, train what has no result, and return all runs."""
    monkeypatch.setattr('ckd_mm.compare.training.POLL_SECONDS', 0.05)
    (tmp_path / 'train.py').write_text(STAND_IN)

    def call(path: Path) -> list[Run]:
        runs = plan_chain(read_chain(path), tmp_path / 'work')
        todo = [run for run in runs if run.result is None]
        tool = tmp_path / 'train.py'
        assert train(todo, ['accuracy/top1'], [{}, {}], tool) == {}
        return runs

    return call


def links(model: str, **last: Any) -> dict[str, Any]:
    return dict(
        a=dict(config=model),
        b=dict(config=model, **KD),
        c=dict(config=model, **KD, **last),
    )


def results(runs: list[Run]) -> list[float]:
    found = [run.result for run in runs]
    return [result['metrics']['accuracy/top1'] for result in found if result]


def test_each_student_gets_config_and_weights_of_the_run_before_it(
    write: Write, go: Callable[..., list[Run]], model: str
) -> None:
    chain = write(links=links(model, teacher=['a', 'b']), seeds=[0, 1])
    runs = go(chain)
    assert [run.title for run in runs[:3]] == ['a, seed 0', 'b, seed 0', 'c, seed 0']
    first, second, third = runs[:3]
    hook = Config.fromfile(second.config_file).custom_hooks[0]
    assert hook.teacher == dict(
        config=str(first.config_file), checkpoint=str(first.folder / 'epoch_1.pth')
    )
    several = Config.fromfile(third.config_file).custom_hooks[0].teacher
    folders = [Path(one.checkpoint).parent for one in several]
    assert folders == [first.folder, second.folder]
    again = plan_chain(read_chain(chain), first.folder.parents[1])
    assert [run.folder for run in again] == [run.folder for run in runs]


def test_a_changed_link_and_those_after_it_are_trained_anew(
    write: Write, go: Callable[..., list[Run]], model: str
) -> None:
    before = go(write(links=links(model)))
    assert results(before) == [50.0, 60.0, 70.0]
    changed = links(model)
    changed['b']['student_loss_weight'] = 0.5
    after = go(write(links=changed))
    assert after[0].folder == before[0].folder
    assert after[1].folder != before[1].folder
    assert after[2].folder != before[2].folder, 'its own entries are the same'
    assert results(after) == [50.0, 80.0, 90.0]


def test_a_link_with_a_checkpoint_is_not_trained_and_its_weights_count(
    write: Write,
    go: Callable[..., list[Run]],
    model: str,
    classifier_teacher: dict[str, Any],
) -> None:
    given = dict(given=classifier_teacher, b=dict(config=model, **KD))
    (run,) = go(write(links=given))
    teacher = Config.fromfile(run.config_file).custom_hooks[0].teacher
    assert teacher.checkpoint == classifier_teacher['checkpoint']
    assert teacher.config.model.backbone.base_channels == 16
    weights = Path(classifier_teacher['checkpoint'])
    content = weights.read_bytes()
    try:
        weights.write_bytes(content + b'.')
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr('ckd_mm.chain.links.check_teachers', lambda teachers: None)
            (anew,) = plan_chain(read_chain(write(links=given)), run.folder.parents[1])
    finally:
        weights.write_bytes(content)
    assert anew.folder != run.folder


def test_a_link_may_learn_from_one_that_is_given_and_one_that_is_trained(
    write: Write,
    go: Callable[..., list[Run]],
    model: str,
    classifier_teacher: dict[str, Any],
) -> None:
    whole = Config.fromfile(classifier_teacher['config']).model.to_dict()
    outside = dict(config=whole, checkpoint=classifier_teacher['checkpoint'])
    several = dict(
        given=classifier_teacher,
        a=dict(config=model),
        b=dict(config=model, teacher=['given', 'a', outside], **KD),
    )
    with DefaultScope.overwrite_default_scope('mmdet'):  # `outside` names none
        first, second = go(write(links=several))
    teachers = Config.fromfile(second.config_file).custom_hooks[0].teacher
    weights = classifier_teacher['checkpoint']
    assert [one.checkpoint for one in teachers] == [
        weights,
        str(first.folder / 'epoch_1.pth'),
        weights,
    ]


def test_a_finished_teacher_without_its_checkpoint_is_refused(
    write: Write, go: Callable[..., list[Run]], model: str
) -> None:
    runs = go(write(links=links(model)))
    (runs[1].folder / 'epoch_1.pth').unlink()
    go(write(links=links(model)))  # nothing needs it
    message = (
        f'c, seed 0 learns from b, seed 0.*epoch_1.pth is not there.*{runs[1].folder}'
    )
    with pytest.raises(ValueError, match=message):
        go(write(links=links(model, student_loss_weight=0.5)))


def test_the_report_has_a_row_for_each_link_and_what_teaches_it(
    write: Write,
    go: Callable[..., list[Run]],
    model: str,
    classifier_teacher: dict[str, Any],
) -> None:
    of_all = dict(given=classifier_teacher, **links(model))
    weights = classifier_teacher['checkpoint']
    path = write(links=of_all, seeds=[0, 1], baseline='a')
    runs = go(path)
    for run in runs:  # two at a time end in any order
        value = 60.0 + 10 * 'abc'.index(run.method) + (run.seed or 0)
        result = dict(run.result or {}, metrics={'accuracy/top1': value})
        (run.folder / 'result.json').write_text(json.dumps(result))
    text = chain_report(read_chain(path), runs, 'python x.py', {'c, seed 1': 'no'}, 2)
    assert '# Chain: few' in text
    for row in (
        '| given | none | - / - | - | - | - | - | - |',
        '| a | none | 60.00 / 61.00 | 60.50 | 0.71 |  | 0.1 s | 1 MiB |',
        '| c | b | 80.00 / 81.00 | 80.50 | 0.71 | +20.00 ± 0.00 | 0.1 s | 1 MiB |',
    ):
        assert row in text
    assert "difference to 'a' with the same seed" in text
    assert f'given is not trained here: its weights are {weights}.' in text
    assert 'c, seed 1 failed: no' in text
