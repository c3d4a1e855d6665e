"""tools/compare.py as a user runs it, on real training runs of a few iterations."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from PIL import Image

from ..processes import ROOT, run_script
from ..tasks import differences

pytestmark = pytest.mark.slow

KD = dict(kd=dict(on='logits', loss=dict(type='KDLoss')))
CKD = dict(ckd=dict(on='logits', loss=dict(type='CKDLoss')))


@pytest.fixture(scope='module')
def write(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Path]:
    """A comparison's file, with a student of its own."""

    def to(folder: Path, epochs: int = 1, hooks: Any = (), **entries: Any) -> Path:
        cfg = classifier_config(folder, epochs=epochs, custom_hooks=list(hooks))
        cfg.pop('work_dir')
        cfg.custom_imports.imports += ['interruption'] if hooks else []
        cfg.dump(folder / 'student.py')
        entries = dict(
            base=str(folder / 'student.py'),
            teacher=classifier_teacher,
            metric='accuracy/top1',
            **entries,
        )
        lines = [f'{key} = {value!r}' for key, value in entries.items()]
        (folder / 'few.py').write_text('\n'.join(lines) + '\n')
        return folder / 'few.py'

    return to


def call(
    config: Path,
    work_dir: Path,
    *more: str,
    status: int = 0,
    fresh: bool = False,
    page: bool = False,
) -> str:
    command = ('tools/compare.py', config, '--work-dir', work_dir, *more)
    command += () if page else ('--no-page',)
    done = run_script(*command, env=dict(PYTHONPATH=_python_path()), fresh=fresh)
    assert done.returncode == status, (done.stdout + done.stderr)[-4000:]
    return done.stdout + done.stderr


def _python_path() -> str:
    """Where the hooks of the tests are, beside what this process was given."""
    own = [str(ROOT), str(ROOT / 'tests/guarantees')]
    return os.pathsep.join([*own, os.environ.get('PYTHONPATH', '')])


def results(work_dir: Path) -> dict[str, Any]:
    """By method and seed."""
    return {
        f'{path.parts[-3]} {path.parts[-2].split("-")[0]}': json.loads(path.read_text())
        for path in work_dir.glob('*/*/result.json')
    }


@pytest.fixture(scope='module')
def compared(
    write: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, str]:
    """A method and the student alone, two seeds."""
    folder = tmp_path_factory.mktemp('compared')
    methods = {'KD': dict(distill=KD, student_loss_weight=0.5)}
    config = write(folder, methods=methods, seeds=[0, 1])
    out = call(config, folder / 'work', fresh=True, page=True)
    return config, folder / 'work', out


def test_all_runs_are_in_table_and_plot(compared: tuple[Path, Path, str]) -> None:
    _, work_dir, out = compared
    assert '2 methods x 2 seeds: 0 runs are finished, 4 to do, 1 at a time' in out
    assert '[4/4] KD, seed 1: accuracy/top1' in out
    found = results(work_dir)
    assert len(found) == 4
    text = (work_dir / 'few.md').read_text()
    assert text in out
    number = r'-?\d+\.\d\d'
    for title in ('student alone', 'KD'):
        assert re.search(rf'\| {title} \| {number} / {number} \| {number} \|', text)
    assert len(re.findall(rf'\| [+-]\d+\.\d\d ± {number} \|', text)) == 1
    assert 'Not finished' not in text and 'resumed' not in text
    assert Image.open(work_dir / 'few.png').width > 500
    for result in found.values():
        assert 0 < result['seconds'] < 60
        assert 2**27 < result['bytes'] < 2**34
        assert not result['resumed']


def test_the_page_has_the_table_and_the_logits_of_every_method(
    compared: tuple[Path, Path, str],
) -> None:
    _, work_dir, out = compared
    assert f'page: {work_dir / "few.html"}' in out
    text = (work_dir / 'few.html').read_text()
    assert '<th>difference to the student alone</th>' in text
    for title in ('student alone', 'KD'):
        assert f'<h3>{title}: logits, ' in text
    assert 'Not shown' not in text


def test_the_seed_and_the_method_reach_the_run(
    compared: tuple[Path, Path, str],
) -> None:
    _, work_dir, _ = compared
    log = next(work_dir.glob('kd/seed1-*/console.log')).read_text()
    assert re.search(r'seed: 1$', log, re.MULTILINE)
    assert (
        'loss_kd'
        in next(work_dir.glob('kd/seed1-*/*/vis_data/scalars.json')).read_text()
    )
    values = {title: result['metrics'] for title, result in results(work_dir).items()}
    assert values['kd seed0'] != values['kd seed1']


def test_the_metric_is_that_of_the_last_weights(
    compared: tuple[Path, Path, str],
) -> None:
    """As the repository's own testing tool finds it."""
    _, work_dir, _ = compared
    folder = next(work_dir.glob('kd/seed0-*'))
    command = ['tools/test.py', folder / 'config.py', folder / 'epoch_1.pth']
    command += ['--work-dir', work_dir / 'tested']
    done = run_script(*command, env=dict(PYTHONPATH=_python_path()))
    assert done.returncode == 0, done.stderr[-2000:]
    (log,) = (work_dir / 'tested').glob('*/*.json')
    tested = json.loads(log.read_text())['accuracy/top1']
    assert results(work_dir)['kd seed0']['metrics']['accuracy/top1'] == tested


def test_what_is_finished_is_not_repeated_and_what_has_changed_is(
    compared: tuple[Path, Path, str],
) -> None:
    config, work_dir, _ = compared
    table = (work_dir / 'few.md').read_text().split('Command')[0]
    out = call(config, work_dir)
    assert '4 runs are finished, 0 to do' in out
    assert (work_dir / 'few.md').read_text().split('Command')[0] == table
    changed = ('--cfg-options', 'seeds=[0]', 'methods.KD.student_loss_weight=2.0')
    assert '1 runs are finished, 1 to do' in call(config, work_dir, *changed)
    assert len(list(work_dir.glob('kd/seed0-*'))) == 2
    assert '4 runs are finished' in call(config, work_dir, '--dry-run'), 'and is kept'


def test_a_metric_that_is_not_logged_is_refused_before_anything_runs(
    compared: tuple[Path, Path, str],
) -> None:
    config, work_dir, _ = compared
    out = call(config, work_dir, '--cfg-options', 'metric=mAP', status=1)
    assert "gives no 'mAP'; it gives ['accuracy/top1'" in out
    assert 'to do' not in out and 'Traceback' not in out


def test_mistakes_are_one_line(compared: tuple[Path, Path, str]) -> None:
    config, work_dir, _ = compared
    out = call(config, work_dir, '--cfg-options', 'seeds=[1,1]', status=1)
    assert out.splitlines()[-1].startswith('error: seeds must differ, got [1, 1]')
    out = call(config, work_dir, '--gpus', '9', status=1)
    assert out.splitlines()[-1].startswith('error: there is no GPU 9')


def test_a_method_that_fails_does_not_stop_the_others(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    """What only the models show is found when its training starts."""
    bad = dict(kd=dict(on='module:nowhere', loss=dict(type='KDLoss')))
    methods = {'bad': dict(distill=bad), 'good': dict(distill=CKD)}
    config = write(tmp_path, methods=methods, seeds=[0])
    out = call(config, tmp_path / 'work', status=1)
    assert '[2/3] bad, seed 0: FAILED' in out
    assert "ImageClassifier has no module 'nowhere'" in out
    assert '[3/3] good, seed 0: accuracy/top1' in out
    assert set(results(tmp_path / 'work')) == {'student-alone seed0', 'good seed0'}
    text = (tmp_path / 'work/few.md').read_text()
    assert '| bad | - | - | - | - | - | - |' in text
    assert 'Not finished: bad, seed 0.' in text and 'One seed' in text


def test_killed_in_the_middle_it_goes_on_and_ends_the_same(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    """SIGKILL for the comparison and its run, within the second of three epochs.

    The random state is seeded at each epoch: MMEngine does not store it.
    """
    marker = tmp_path / 'killed'
    hooks = [
        dict(type='SeedEachEpoch'),
        dict(type='KillOnce', marker=str(marker), parent=True),
    ]
    methods = {'C': dict(distill=CKD)}
    config = write(tmp_path, epochs=3, hooks=hooks, methods=methods, seeds=[0])
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    marker.touch()
    call(config, whole)
    marker.unlink()
    call(config, broken, status=-signal.SIGKILL)
    assert results(broken) == {}
    out = call(config, broken)
    assert '0 runs are finished, 2 to do' in out
    first, second = results(whole), results(broken)
    assert second['student-alone seed0']['resumed']
    assert not second['c seed0']['resumed']
    assert 'resumed from a checkpoint: student alone, seed 0.' in out
    for title, result in first.items():
        assert result['metrics'] == second[title]['metrics']
        assert result['iter'] == second[title]['iter']
    for folder in ('student-alone', 'c'):
        weights = [
            torch.load(next(place.glob(f'{folder}/*/epoch_3.pth')), weights_only=False)
            for place in (whole, broken)
        ]
        same = [loaded['state_dict'] for loaded in weights]
        assert differences(*same) == {}
