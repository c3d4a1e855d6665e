"""How runs are started, watched and ended, with a stand-in for tools/train.py."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from ckd_mm.compare.progress import position
from ckd_mm.compare.runs import Run
from ckd_mm.compare.training import (
    UnknownMetric,
    check_metrics,
    gpu_slots,
    locked,
    train,
)

# What it does depends on the method, which is the name of the folder above.
STAND_IN = """
import json, os, sys, time
from pathlib import Path

folder = Path(sys.argv[1]).parent
method = folder.parent.name
seen = dict(arguments=sys.argv[2:], environ=dict(os.environ), pid=os.getpid())
(folder / 'seen.json').write_text(json.dumps(seen))
record = dict(metrics=dict(top1=50.0), seconds=0.1, bytes=2**20, ended=method != 'cut')
if method == 'long':
    record['ended'] = False
if method in ('before', 'nothing'):
    record['metrics'] = {}
if method == 'before':
    (folder / 'last_checkpoint').write_text('/somewhere/iter_4.pth')
if method != 'silent':
    (folder / 'draft').write_text(json.dumps(record))
    (folder / 'draft').replace(folder / 'record.json')
if method == 'long':
    time.sleep(60)
if method == 'bad':
    sys.exit('out of luck')
"""


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    path = tmp_path / 'train.py'
    path.write_text(STAND_IN)
    return path


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], Run]:
    def run(method: str) -> Run:
        cfg = Config(dict(train_cfg=dict(max_epochs=4)))
        return Run(method, 0, cfg, tmp_path / 'work' / method / 'seed0-abc')

    return run


@pytest.fixture
def go(tool: Path, tmp_path: Path) -> Callable[..., dict[str, str]]:
    def call(*runs: Run, slots: int = 1, metric: str = 'top1') -> dict[str, str]:
        environments = [{'SLOT': str(i)} for i in range(slots)]
        with locked(tmp_path / 'work', tmp_path / 'a.py') as lock:
            return train(runs, [metric], environments, tool, lock)

    return call


def seen(run: Run) -> Any:
    return json.loads((run.folder / 'seen.json').read_text())


def test_a_run_is_finished_when_its_process_has_ended_well(
    make: Callable[[str], Run], go: Callable[..., dict[str, str]]
) -> None:
    run = make('good')
    assert run.result is None
    assert go(run) == {}
    assert run.result is not None
    assert run.result['metrics'] == {'top1': 50.0}
    assert run.result['resumed'] is False


def test_a_failed_run_shows_the_end_of_its_log_and_the_others_go_on(
    make: Callable[[str], Run],
    go: Callable[..., dict[str, str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad, good = make('bad'), make('good')
    failures = go(bad, good)
    assert list(failures) == ['bad, seed 0']
    assert 'exit code 1' in failures['bad, seed 0']
    assert failures['bad, seed 0'].endswith('out of luck')
    assert bad.result is None
    assert good.result is not None
    printed = capsys.readouterr().out
    assert '[1/2] bad, seed 0: FAILED' in printed and 'out of luck' in printed
    assert '[2/2] good, seed 0: top1 50' in printed


def test_a_run_starts_after_the_training_before_it_and_with_its_weights(
    make: Callable[[str], Run], go: Callable[..., dict[str, str]]
) -> None:
    before = dataclasses.replace(make('before'), is_first=True)
    after = dataclasses.replace(make('after'), first=before)
    assert go(after, before, slots=2, metric='top1') == {}
    config = Config.fromfile(after.config_file)
    assert config.load_from == '/somewhere/iter_4.pth'
    assert before.result is not None and after.result is not None


def test_a_run_fails_whose_training_before_has_failed(
    make: Callable[[str], Run], go: Callable[..., dict[str, str]]
) -> None:
    before = dataclasses.replace(make('bad'), is_first=True)
    after = dataclasses.replace(make('after'), first=before)
    failures = go(before, after, slots=2)
    assert list(failures) == ['bad, seed 0', 'after, seed 0']
    assert failures['after, seed 0'] == 'the training that it begins after has failed'
    assert not after.folder.exists()


@pytest.mark.parametrize('method', ['silent', 'cut'])
def test_a_process_that_ends_well_without_having_trained_is_a_failure(
    make: Callable[[str], Run], go: Callable[..., dict[str, str]], method: str
) -> None:
    run = make(method)
    assert list(go(run)) == [run.title]
    assert run.result is None


def test_a_wrong_metric_stops_everything_and_lists_what_there_is(
    make: Callable[[str], Run], go: Callable[..., dict[str, str]]
) -> None:
    long, waiting = make('long'), make('good')
    start = time.monotonic()
    with pytest.raises(UnknownMetric, match=r"gives no 'mAP'; it gives \['top1'\]"):
        go(long, waiting, metric='mAP')
    assert time.monotonic() - start < 30
    with pytest.raises(ProcessLookupError):
        os.kill(seen(long)['pid'], 0)
    assert not waiting.folder.exists()


def test_a_wrong_metric_is_found_in_finished_runs(
    make: Callable[[str], Run], go: Callable[..., dict[str, str]]
) -> None:
    run = make('good')
    check_metrics(run, ['mAP'])
    go(run)
    check_metrics(run, ['top1'])
    with pytest.raises(UnknownMetric, match='set metric to one of them'):
        check_metrics(run, ['mAP'])


def test_a_detector_that_finds_nothing_fails_and_stops_no_other(
    make: Callable[[str], Run], go: Callable[..., dict[str, str]]
) -> None:
    nothing, good = make('nothing'), make('good')
    failures = go(nothing, good)
    assert list(failures) == ['nothing, seed 0']
    assert 'gave no metric' in failures['nothing, seed 0']
    assert nothing.result is None and good.result is not None


def test_a_run_resumes_only_from_a_checkpoint_that_is_there(
    make: Callable[[str], Run], go: Callable[..., dict[str, str]]
) -> None:
    whole, gone = make('whole'), make('gone')
    for run in (whole, gone):
        run.folder.mkdir(parents=True)
        checkpoint = run.folder / 'epoch_1.pth'
        checkpoint.touch()
        (run.folder / 'last_checkpoint').write_text(str(checkpoint))
    (gone.folder / 'epoch_1.pth').unlink()
    assert go(whole, gone) == {}
    assert seen(whole)['arguments'] == ['--resume']
    assert seen(gone)['arguments'] == []
    assert whole.result is not None and whole.result['resumed'] is True
    assert gone.result is not None and gone.result['resumed'] is False
    assert not (gone.folder / 'last_checkpoint').exists(), 'started anew'


def test_each_place_has_one_run_at_a_time_with_its_environment(
    make: Callable[[str], Run], go: Callable[..., dict[str, str]]
) -> None:
    runs = [make(name) for name in ('a', 'b', 'c')]
    assert go(*runs, slots=2) == {}
    places = [seen(run)['environ']['SLOT'] for run in runs]
    assert sorted(places[:2]) == ['0', '1'] and places[2] in ('0', '1')
    assert all(seen(run)['environ']['OMP_NUM_THREADS'] == '1' for run in runs)


def test_gpus_are_counted_among_the_visible_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr('torch.cuda.device_count', lambda: 2)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    assert gpu_slots([1, 0]) == [
        {'CUDA_VISIBLE_DEVICES': '1'},
        {'CUDA_VISIBLE_DEVICES': '0'},
    ]
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '4,6')
    assert gpu_slots([1]) == [{'CUDA_VISIBLE_DEVICES': '6'}]
    with pytest.raises(ValueError, match='no GPU 2: PyTorch sees 2'):
        gpu_slots([2])


def test_a_work_dir_belongs_to_one_comparison(tmp_path: Path) -> None:
    with locked(tmp_path / 'work', tmp_path / 'a.py'):
        pass
    with (
        locked(tmp_path / 'work', tmp_path / 'a.py'),
        pytest.raises(ValueError, match='still runs in'),
        locked(tmp_path / 'work', tmp_path / 'a.py'),
    ):
        pass
    with (
        pytest.raises(ValueError, match=r'results of .*a\.py, not of .*b\.py'),
        locked(tmp_path / 'work', tmp_path / 'b.py'),
    ):
        pass


def test_what_a_killed_comparison_left_running_keeps_the_folder_locked(
    make: Callable[[str], Run], tool: Path, tmp_path: Path
) -> None:
    """Otherwise two processes would write into one folder."""
    work_dir, source, run = tmp_path / 'work', tmp_path / 'a.py', make('long')
    program = (
        'import os, signal\n'
        'from pathlib import Path\n'
        'from mmengine.config import Config\n'
        'from ckd_mm.compare.runs import Run\n'
        'from ckd_mm.compare.training import locked, train\n'
        f'run = Run("long", 0, Config(), Path({str(run.folder)!r}))\n'
        f'with locked(Path({str(work_dir)!r}), Path({str(source)!r})) as lock:\n'
        f'    train([run], ["top1"], [{{}}], Path({str(tool)!r}), lock)\n'
    )
    process = subprocess.Popen([sys.executable, '-c', program])
    note = run.folder / 'record.json'
    while not note.exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()
    process.wait()
    with (
        pytest.raises(ValueError, match='a training that it started, still runs'),
        locked(work_dir, source),
    ):
        pass
    os.kill(seen(run)['pid'], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with locked(work_dir, source):
                return
        except ValueError:
            time.sleep(0.1)
    pytest.fail('the folder is locked though nothing runs')


@pytest.mark.parametrize(
    ('printed', 'share'),
    [
        ('', 0.0),
        ('Epoch(train)  [3][ 5/10]  lr: 1', 0.625),
        ('Iter(train) [ 30/120]  lr: 1', 0.25),
        ('Iter(val) [ 30/120]', 0.0),
        ('Epoch(train)  [1][ 5/10]\nEpoch(train)  [4][10/10]', 1.0),
    ],
)
def test_progress_comes_from_the_log(
    make: Callable[[str], Run], printed: str, share: float
) -> None:
    run = make('good')
    assert position(run).share == 0.0
    run.folder.mkdir(parents=True)
    run.console.write_text(printed)
    assert position(run).share == share
