"""The demo's reading and reporting, on a log as MMEngine writes it.

The demo itself is `make demo`: it trains for minutes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

TOOLS = Path(__file__).parents[2] / 'tools'
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
