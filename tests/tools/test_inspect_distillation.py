"""What the tool prints for three pairs, and that the printed lines work."""

from __future__ import annotations

import logging
import re
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from ckd_mm.distiller import Distiller
from ckd_mm.teachers import Teacher
from ckd_mm.terms import build_terms
from ckd_mm.untrained import build_untrained

from ..adapters.detectors import ONE_STAGE, narrow, narrow_dense, narrow_rois

TOOL = Path(__file__).parents[2] / 'tools' / 'inspect_distillation.py'


@pytest.fixture
def inspect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Iterator[Callable[..., str]]:
    def run(*arguments: Any) -> str:
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
        runpy.run_path(str(TOOL), run_name='__main__')
        return capsys.readouterr().out

    yield run
    logging.disable(logging.NOTSET)


def written(path: Path, model: Any, scope: str = 'mmdet', **rest: Any) -> Path:
    Config(dict(model=model, default_scope=scope, **rest)).dump(path)
    return path


def row_of(printed: str, on: str) -> str:
    (row,) = re.findall(rf'^\| `{on}` \|.*$', printed, re.MULTILINE)
    return row


def check_lines(printed: str, student: Path, teacher: Path) -> None:
    """The printed lines build, for all that can be compared."""
    (lines,) = re.findall(r'```python\n(.*)```', printed, re.DOTALL)
    config: dict[str, Any] = {}
    exec(lines, config)
    (hook,) = config['custom_hooks']
    assert hook['teacher'] == dict(config=str(teacher))
    parts = set(re.findall(r'^\| `(\w+)`', printed, re.MULTILINE)) - {'on'}
    assert set(hook['distill']) == parts and len(parts) > 1
    models = [build_untrained(str(path))[1] for path in (student, teacher)]
    Distiller(models[0], [Teacher(models[1])], build_terms(hook['distill']))


def test_a_cascade_and_a_faster_rcnn(
    tmp_path: Path, inspect: Callable[..., str]
) -> None:
    student = written(
        tmp_path / 'student.py',
        narrow('faster_rcnn/faster-rcnn_r50_fpn_1x_coco', narrow_rois),
    )
    teacher = written(
        tmp_path / 'teacher.py',
        narrow('cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco', narrow_rois),
    )
    printed = inspect(student, '--teacher', teacher, '--shape', 64, 64)
    assert re.search(
        r'\| student \| .* \| FasterRCNN \| [\d.]+ M \| [\d.]+ s \|', printed
    )
    assert re.search(r'\| teacher \| .* \| CascadeRCNN \| ', printed)
    row = row_of(printed, 'roi_logits')
    assert re.search(r'\(\d+, 11\) \| \(\d+, 11\) \| none \| student_stage=None', row)
    assert 'target, image_index, rois' in row
    assert '(2, 32, 16, 16), (2, 32, 8, 8)' in row_of(printed, 'neck')
    assert 'Not `mask_logits`: the student has none.' in printed
    check_lines(printed, student, teacher)


def test_two_one_stage_detectors_of_a_distilled_config(
    tmp_path: Path, inspect: Callable[..., str]
) -> None:
    def wide(model: Any) -> None:
        narrow_dense(model)
        model.neck.out_channels = model.bbox_head.in_channels = 48

    teacher = written(tmp_path / 'teacher.py', narrow(ONE_STAGE['ATSS'], wide))
    hook = dict(type='DistillationHook', teacher=dict(config=str(teacher)), distill={})
    student = written(
        tmp_path / 'student.py',
        narrow(ONE_STAGE['GFL'], narrow_dense),
        custom_hooks=[dict(type='NumClassCheckHook'), hook],
    )
    printed = inspect(student, '--shape', 64, 64)
    assert '| (172, 10) | (172, 10) | none | topk=256, rows=' in printed
    channels = 'student_channels=[32, 32, 32, 32, 32], teacher_channels=[48, 48, 48'
    assert channels in row_of(printed, 'neck')
    assert 'Not `box_distribution`: only the heads of GFL' in printed
    check_lines(printed, student, teacher)


def test_two_classifiers(
    tmp_path: Path,
    classifier_config: Callable[..., Config],
    inspect: Callable[..., str],
) -> None:
    paths = []
    for name, width in (('student', 8), ('teacher', 16)):
        cfg = classifier_config(tmp_path, width=width)
        rest = dict(scope='mmpretrain', data_preprocessor=cfg.data_preprocessor)
        paths.append(written(tmp_path / f'{name}.py', cfg.model, **rest))
    printed = inspect(paths[0], '--teacher', paths[1], '--shape', 16, 16)
    row = '| (2, 10) | (2, 10) | none | activation=None | target, sample_index, epoch |'
    assert row_of(printed, 'logits') == f'| `logits` {row}'
    row = row_of(printed, 'embedding')
    assert '| (2, 64) | (2, 128) | student_channels=[64], teacher_channels=[128]' in row
    check_lines(printed, *paths)


def test_a_config_without_a_teacher_is_refused(
    tmp_path: Path, inspect: Callable[..., str]
) -> None:
    student = written(tmp_path / 'a.py', narrow(ONE_STAGE['GFL'], narrow_dense))
    with pytest.raises(SystemExit, match='error: .*give one with --teacher'):
        inspect(student)
