"""The demo's parts on a log as MMEngine writes it, and a very short demo."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / 'tools'
COLUMNS = {'mAP': 'coco/bbox_mAP', 'AP50': 'coco/bbox_mAP_50'}


@pytest.fixture(scope='module')
def modules() -> Iterator[tuple[ModuleType, ModuleType]]:
    sys.path.insert(0, str(TOOLS))
    import demo_report
    import demo_runs

    yield demo_runs, demo_report
    sys.path.remove(str(TOOLS))


def written(folder: Path, *values: float) -> Path:
    """A log of 0.5 s per iteration, 20 iterations between validations."""
    lines = []
    for i, value in enumerate(values):
        for step in (20 * i + 10, 20 * i + 20):
            lines.append(dict(loss=1.0, time=0.5, step=step))
        metrics = {'coco/bbox_mAP': value, 'coco/bbox_mAP_50': 2 * value}
        lines.append(dict(metrics, time=9.0, step=20 * i + 20))
    (folder / 'vis_data').mkdir(parents=True)
    text = '\n'.join(map(json.dumps, lines))
    (folder / 'vis_data/scalars.json').write_text(text)
    return folder


def test_a_log_gives_curve_last_metrics_and_training_time(
    modules: tuple[ModuleType, ModuleType], tmp_path: Path
) -> None:
    log = modules[0].read_log(written(tmp_path / 'run', 0.1, 0.3))
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
    modules: tuple[ModuleType, ModuleType], tmp_path: Path, distilled: float, said: str
) -> None:
    runs, report = modules
    logs = {
        name: runs.read_log(written(tmp_path / name, value))
        for name, value in (('teacher', 0.5), ('student', 0.2), ('with CKD', distilled))
    }
    assert report.verdict(logs, COLUMNS).startswith(said)
    table = report.table(logs, COLUMNS).splitlines()
    assert table[0] == '|  | mAP | AP50 | training time |'
    assert table[3] == '| student | 0.200 | 0.400 | 10 s |'


def test_the_picture_is_drawn(
    modules: tuple[ModuleType, ModuleType], tmp_path: Path
) -> None:
    report = modules[1]
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    panel = report.Panel('ground truth', image, [(1, 1, 4, 4, '3')])
    curves = {name: {20: 0.1, 40: 0.2} for name in ('teacher', 'student', 'with CKD')}
    report.draw(tmp_path / 'demo.png', 'mAP', curves, [[panel, panel], [panel, panel]])
    assert Image.open(tmp_path / 'demo.png').width > 1000


def test_labels_stay_within_the_image_and_off_its_title(
    modules: tuple[ModuleType, ModuleType],
) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    _, report = modules
    corners = [(0, 0), (110, 0), (0, 100), (110, 100), (50, 3), (50, 60), (126, 40)]
    boxes = [(x, y, 18, 28, '8 0.97') for x, y in corners]
    panel = report.Panel('ground truth', np.zeros((128, 128, 3), np.uint8), boxes)
    figure = Figure(figsize=(7, 9), layout='constrained')
    axis = figure.subplots(4, 3)[1][1]
    report._draw_panel(axis, panel)
    FigureCanvasAgg(figure).draw()
    image = axis.get_window_extent().padded(1)
    assert len(axis.texts) == len(boxes)
    for text in axis.texts:
        label = text.get_bbox_patch().get_window_extent()
        assert image.contains(*label.min), text.get_position()
        assert image.contains(*label.max), text.get_position()
    assert not axis.title.get_window_extent().overlaps(label)


def test_a_failed_run_shows_the_end_of_its_log(
    modules: tuple[ModuleType, ModuleType], tmp_path: Path
) -> None:
    runs = modules[0]
    (tmp_path / 'broken.py').write_text("default_scope = 'mmdet'\nmodel = dict()")
    run = runs.Run('student', tmp_path / 'broken.py', tmp_path / 'work', 'mAP')
    with pytest.raises(runs.RunFailed, match=r'student: training ended(.|\n)*Error'):
        runs.train(run)


def test_a_finished_run_is_reused_until_config_or_data_change(
    modules: tuple[ModuleType, ModuleType], tmp_path: Path
) -> None:
    runs = modules[0]
    config = tmp_path / 'config.py'
    config.write_text('train_cfg = dict(max_epochs=1)')
    run = runs.Run('teacher', config, tmp_path, 'mAP', data='a')
    assert run.log_dir is None
    record = dict(fingerprint=run.fingerprint, log_dir='2026')
    (tmp_path / runs.RECORD).write_text(json.dumps(record))
    assert run.log_dir is None, 'no checkpoint yet'
    run.checkpoint.touch()
    assert run.log_dir == tmp_path / '2026'
    assert runs.Run('teacher', config, tmp_path, 'mAP', data='b').log_dir is None
    config.write_text('train_cfg = dict(max_epochs=1)\nlr = 2')
    assert run.log_dir is None


def test_when_a_run_fails_the_others_are_ended(
    modules: tuple[ModuleType, ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a stand-in for tools/train.py, which a stopped process does not outlive."""
    runs = modules[0]
    (tmp_path / 'tools').mkdir()
    (tmp_path / 'tools/train.py').write_text(
        'import os, sys, time\n'
        "print('pid', os.getpid(), flush=True)\n"
        "time.sleep(60 if 'good.py' in sys.argv[1] else 1)\n"
        "sys.exit('out of luck')\n"
    )
    monkeypatch.setattr(runs, 'ROOT', tmp_path)
    good, bad = (
        runs.Run(name, tmp_path / f'{name}.py', tmp_path / name, 'mAP')
        for name in ('good', 'bad')
    )
    with pytest.raises(runs.RunFailed, match=r'bad: training ended(.|\n)*out of luck'):
        runs.train(good, bad)
    pid = int(good.console.read_text().split()[1])
    assert not Path(f'/proc/{pid}').exists()
    assert good.log_dir is None


@pytest.mark.slow
def test_a_short_demo_writes_table_and_picture_and_reuses_the_teacher(
    modules: tuple[ModuleType, ModuleType],
    digit_images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import demo

    task = demo.TASKS['classification']
    short = [_short(config, digit_images, tmp_path) for config in task.configs]
    task = dataclasses.replace(task, configs=tuple(short), data=digit_images)
    monkeypatch.setitem(demo.TASKS, 'classification', task)
    work_dir = tmp_path / 'work'
    arguments = ['demo.py', '--task', 'classification', '--work-dir', str(work_dir)]
    for seed in ('0', '1'):
        monkeypatch.setattr(sys, 'argv', [*arguments, '--seed', seed])
        demo.main()
    printed = capsys.readouterr().out
    assert printed.count('teacher          reused') == 1
    assert '38/38' in printed
    for name in ('digits_classification', 'digits_classification_seed1'):
        text = (work_dir / f'{name}.md').read_text()
        assert '| student with CKD |' in text
        assert Image.open(work_dir / f'{name}.png').width > 1000
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
