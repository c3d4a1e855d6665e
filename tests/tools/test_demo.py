"""The demo's parts on a log as MMEngine writes it, and a very short demo."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools'
# It waits or fails if its config says so.
STAND_IN = """
import json, os, sys, time
from pathlib import Path

print('pid', os.getpid(), flush=True)
config = Path(sys.argv[1])
if "'good'" in config.read_text():
    time.sleep(60)
if "'bad'" in config.read_text():
    time.sleep(1)
    sys.exit('out of luck')
assert sys.argv[2:] == [], 'nothing is resumed'
with (config.parent / 'trained.txt').open('a') as file:
    file.write('x')
for name in ('epoch_1.pth', 'last_checkpoint'):
    (config.parent / name).write_text(str(config.parent / 'epoch_1.pth'))
record = dict(metrics=dict(top1=50.0), seconds=0.1, bytes=2**20, ended=True)
(config.parent / 'draft').write_text(json.dumps(record))
(config.parent / 'draft').replace(config.parent / 'record.json')
"""
COLUMNS = {'mAP': 'coco/bbox_mAP', 'AP50': 'coco/bbox_mAP_50'}


@pytest.fixture(scope='module')
def demo() -> Iterator[Any]:
    sys.path.insert(0, str(TOOLS))
    import demo

    yield demo
    sys.path.remove(str(TOOLS))


@pytest.fixture(scope='module')
def report(demo: Any) -> Any:
    return demo.demo_report


def written(folder: Path, *values: float) -> Path:
    """A log of 0.5 s per iteration, 20 iterations between validations."""
    lines = []
    for i, value in enumerate(values):
        for step in (20 * i + 10, 20 * i + 20):
            lines.append(dict(loss=1.0, time=0.5, step=step))
        metrics = {'coco/bbox_mAP': value, 'coco/bbox_mAP_50': 2 * value}
        lines.append(dict(metrics, time=9.0, step=20 * i + 20))
    vis_data = folder / '20260101_000000/vis_data'
    vis_data.mkdir(parents=True)
    (vis_data / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
    return folder


def test_a_log_gives_curve_last_metrics_and_training_time(
    report: Any, tmp_path: Path
) -> None:
    log = report.read_log(written(tmp_path / 'run', 0.1, 0.3))
    assert log.curve('coco/bbox_mAP') == {20: 0.1, 40: 0.3}
    assert log.last['coco/bbox_mAP_50'] == 0.6
    assert log.seconds == pytest.approx(20.0)


@pytest.mark.parametrize(
    ('distilled', 'said'),
    [
        (0.3, 'CKD helped here: mAP +0.100'),
        (0.15, 'CKD did not help here: mAP -0.050'),
    ],
)
def test_the_verdict_says_it_either_way(
    report: Any, tmp_path: Path, distilled: float, said: str
) -> None:
    logs = {
        name: report.read_log(written(tmp_path / name, value))
        for name, value in (('teacher', 0.5), ('student', 0.2), ('with CKD', distilled))
    }
    assert report.verdict(logs, COLUMNS).startswith(said)
    table = report.table(logs, COLUMNS).splitlines()
    assert table[0] == '|  | mAP | AP50 | training time |'
    assert table[3] == '| student | 0.200 | 0.400 | 10 s |'


def test_the_picture_is_drawn(report: Any, tmp_path: Path) -> None:
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    panel = report.Panel('ground truth', image, [(1, 1, 4, 4, '3')])
    curves = {name: {20: 0.1, 40: 0.2} for name in ('teacher', 'student', 'with CKD')}
    report.draw(tmp_path / 'demo.png', 'mAP', curves, [[panel, panel], [panel, panel]])
    assert Image.open(tmp_path / 'demo.png').width > 1000


def test_labels_stay_within_the_image_and_off_its_title(report: Any) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    corners = [(0, 0), (110, 0), (0, 100), (110, 100), (50, 3), (50, 60), (126, 40)]
    boxes = [(x, y, 18, 28, '8 0.97') for x, y in corners]
    panel = report.Panel('ground truth', np.zeros((128, 128, 3), np.uint8), boxes)
    figure = Figure(figsize=(6, 4.2), layout='constrained')  # as the demo's right side
    axis = figure.subplots(2, 3)[1][1]
    report._draw_panel(axis, panel, with_title=True)
    FigureCanvasAgg(figure).draw()
    image = axis.get_window_extent().padded(1)
    assert len(axis.texts) == len(boxes)
    for text in axis.texts:
        label = text.get_bbox_patch().get_window_extent()
        assert image.contains(*label.min), text.get_position()
        assert image.contains(*label.max), text.get_position()
    assert not axis.title.get_window_extent().overlaps(label)


@pytest.fixture
def task(demo: Any, tmp_path: Path) -> Any:
    """Three configs that a stand-in for tools/train.py trains."""
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/manifest.json').write_text('{"sha256": "a"}')
    hooks = "custom_hooks = [dict(type='DistillationHook', teacher=dict(config='x'))]"
    configs = []
    for name, more in (('teacher', ''), ('student', ''), ('distilled', hooks)):
        path = tmp_path / f'{name}.py'
        path.write_text(
            f'train_cfg = dict(max_epochs=1)\nrandomness = dict(seed=0)\n{more}\n'
        )
        configs.append(str(path))
    return demo.Task(
        tmp_path / 'data', lambda root: False, tuple(configs), {'top-1': 'top1'}, ''
    )


@pytest.fixture
def go(
    demo: Any, task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Any]]:
    """Train by the stand-in; a student whose config says so fails, the other waits."""
    (tmp_path / 'train.py').write_text(STAND_IN)
    monkeypatch.setattr(demo, 'TRAIN', tmp_path / 'train.py')

    def call(retrain: bool = False) -> list[Any]:
        runs = demo._plan(task, tmp_path / 'work', 0)
        demo._train(runs, retrain, task)
        return runs

    return call


def count(tmp_path: Path) -> dict[str, int]:
    """How often each run was trained."""
    files = (tmp_path / 'work').glob('*/trained.txt')
    return {file.parent.name: len(file.read_text()) for file in files}


def test_a_finished_teacher_is_reused_until_config_data_or_weights_change(
    go: Callable[..., list[Any]],
    task: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    teacher = go()[0]
    assert count(tmp_path) == dict(teacher=1, student=1, distilled=1)
    go()
    assert count(tmp_path) == dict(teacher=1, student=2, distilled=2)
    assert f'teacher          reused from {teacher.folder}' in capsys.readouterr().out
    go(retrain=True)
    assert count(tmp_path)['teacher'] == 2
    teacher.checkpoint.unlink()
    go()
    assert count(tmp_path)['teacher'] == 3, 'no checkpoint'
    (task.data / 'manifest.json').write_text('{"sha256": "b"}')
    go()
    assert count(tmp_path)['teacher'] == 4, 'other data'
    with Path(task.configs[0]).open('a') as file:
        file.write('lr = 2\n')
    go()
    assert count(tmp_path)['teacher'] == 5, 'another config'
    go()
    assert count(tmp_path)['teacher'] == 5


def test_the_distilled_student_gets_the_teachers_last_weights(
    go: Callable[..., list[Any]],
) -> None:
    teacher, student, distilled = go()
    cfg = Config.fromfile(distilled.config_file)
    assert cfg.custom_hooks[0].teacher.checkpoint == str(teacher.checkpoint)
    assert [hook.type for hook in cfg.custom_hooks[1:]] == ['RecordHook']
    assert Path(cfg.work_dir) == distilled.folder


def test_when_a_run_fails_the_others_are_ended(
    go: Callable[..., list[Any]], demo: Any, task: Any, tmp_path: Path
) -> None:
    """And the end of its log is shown."""
    for config, lot in zip(task.configs[1:], ('good', 'bad'), strict=True):
        with Path(config).open('a') as file:
            file.write(f'lot = {lot!r}\n')
    wanted = r'student with CKD: training ended with exit code 1(.|\n)*out of luck'
    with pytest.raises(demo.RunFailed, match=wanted):
        go()
    pid = int((tmp_path / 'work/student/console.log').read_text().split()[1])
    assert not Path(f'/proc/{pid}').exists()
    assert not (tmp_path / 'work/student/result.json').exists()


@pytest.mark.slow
def test_a_short_demo_writes_table_and_picture_and_reuses_the_teacher(
    demo: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    task = demo.TASKS['classification']
    data = tmp_path / 'digits'  # the demo writes them
    short = [_short(config, data, tmp_path) for config in task.configs]
    task = dataclasses.replace(task, configs=tuple(short), data=data)
    monkeypatch.setitem(demo.TASKS, 'classification', task)
    work_dir = tmp_path / 'work'
    arguments = ['demo.py', '--task', 'classification', '--work-dir', str(work_dir)]
    for seed in ('0', '1'):
        monkeypatch.setattr(sys, 'argv', [*arguments, '--seed', seed])
        demo.main()
    printed = capsys.readouterr().out
    assert printed.count('teacher          reused') == 1
    assert printed.count('[2/2] student') == 2
    for name in ('digits_classification', 'digits_classification_seed1'):
        text = (work_dir / f'{name}.md').read_text()
        assert '| student with CKD |' in text
        assert Image.open(work_dir / f'{name}.png').width > 1000
        page = (work_dir / f'{name}.html').read_text()
        assert '<h3>student with CKD: logits' in page and 'Not shown' not in page
    students = [
        torch.load(work_dir / Path(config).stem / 'epoch_2.pth', weights_only=False)
        for config in short[1:]
    ]
    assert students[0]['state_dict'].keys() == students[1]['state_dict'].keys()


def _short(config: str, data: Path, folder: Path) -> str:
    """Two epochs of a config on another copy of the data."""
    cfg = Config.fromfile(ROOT / config)
    cfg.train_cfg.max_epochs = 2
    for loader, split in (('train', 'train'), ('val', 'val'), ('test', 'val')):
        cfg[f'{loader}_dataloader'].dataset.data_root = str(data / split)
    path = folder / Path(config).name
    cfg.dump(path)
    return str(path)
