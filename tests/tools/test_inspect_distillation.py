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

from ckd_mm.adapters import PairSpec
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.probing.untrained import build_untrained
from ckd_mm.teachers import ModelTeacher

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
    Distiller(models[0], [ModelTeacher(models[1])], build_terms(hook['distill']))


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
    assert 'target, assigned_class, image_index, rois' in row
    assert '(2, 32, 16, 16), (2, 32, 8, 8)' in row_of(printed, 'neck')
    assert 'Not `mask_logits`: the student has no mask_head.' in printed
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
    row = (
        '| (2, 10) | (2, 10) | none | activation=None | target, sample_index, '
        'assigned_class, student_embedding, teacher_classifier, epoch, progress, '
        'image_size, image_shapes |'
    )
    assert row_of(printed, 'logits') == f'| `logits` {row}'
    row = row_of(printed, 'embedding')
    assert '| (2, 64) | (2, 128) | student_channels=[64], teacher_channels=[128]' in row
    check_lines(printed, *paths)


def one_class(model: Any) -> None:
    narrow_rois(model)
    model.roi_head.bbox_head.num_classes = 1


def test_a_detector_of_one_class(tmp_path: Path, inspect: Callable[..., str]) -> None:
    name = 'faster_rcnn/faster-rcnn_r50_fpn_1x_coco'
    student = written(tmp_path / 'student.py', narrow(name, one_class))
    printed = inspect(student, '--teacher', student, '--shape', 64, 64)
    assert re.search(r'\(\d+, 2\) \| \(\d+, 2\)', row_of(printed, 'roi_logits'))
    check_lines(printed, student, student)


def test_a_dense_detector_of_one_class_is_compared_by_yes_and_no(
    tmp_path: Path, inspect: Callable[..., str]
) -> None:
    def change(model: Any) -> None:
        narrow_dense(model)
        model.bbox_head.num_classes = 1

    student = written(tmp_path / 'student.py', narrow(ONE_STAGE['GFL'], change))
    printed = inspect(student, '--teacher', student, '--shape', 64, 64)
    assert "on=dict(part='dense_logits', activation='binary')" in printed
    check_lines(printed, student, student)


def test_classes_are_matched_by_the_names_of_both_data_sets(
    tmp_path: Path, inspect: Callable[..., str]
) -> None:
    """A student of its own class beside a teacher of COCO's, the common case."""

    def of_coco(model: Any) -> None:
        narrow_rois(model)
        model.roi_head.bbox_head.num_classes = 80

    name, data = 'faster_rcnn/faster-rcnn_r50_fpn_1x_coco', dict(type='CocoDataset')
    own = dict(data, metainfo=dict(classes=('dog',)))
    repeated = dict(type='RepeatDataset', times=2, dataset=data)
    student, teacher = (
        written(
            tmp_path / f'{change.__name__}.py',
            narrow(name, change),
            train_dataloader=dict(dataset=dataset),
        )
        for change, dataset in ((one_class, own), (of_coco, repeated))
    )
    printed = inspect(student, '--teacher', teacher, '--shape', 64, 64)
    assert re.search(r'\(\d+, 2\) \| \(\d+, 2\)', row_of(printed, 'roi_logits'))


def test_what_fails_is_said_in_a_sentence_beside_the_rest(
    tmp_path: Path,
    inspect: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise KeyError('gt_sem_seg')

    student = written(tmp_path / 'a.py', narrow(ONE_STAGE['GFL'], narrow_dense))
    with monkeypatch.context() as patched:
        patched.setattr('mmdet.models.GFL.predict', broken)
        printed = inspect(student, '--teacher', student, '--shape', 64, 64)
    assert "\nA prediction of a GFL ended in KeyError: 'gt_sem_seg'.\n" in printed
    assert re.search(r'\| GFL \| [\d.]+ M \| none \|', printed)
    check_lines(printed, student, student)
    with monkeypatch.context() as patched:
        patched.setattr('mmdet.models.GFL.loss', broken)
        printed = inspect(student, '--teacher', student, '--shape', 64, 64)
    assert "\nA training step of a GFL ended in KeyError: 'gt_sem_seg'.\n" in printed
    assert 'Not `dense_logits`: not tried, as there is no batch' in printed


def test_a_part_that_breaks_leaves_the_others(
    tmp_path: Path,
    inspect: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = PairSpec.read

    def broken(self: PairSpec, *args: Any) -> Any:
        if not self.levels:
            raise IndexError('list index out of range')
        return read(self, *args)

    monkeypatch.setattr(PairSpec, 'read', broken)
    student = written(tmp_path / 'a.py', narrow(ONE_STAGE['GFL'], narrow_dense))
    printed = inspect(student, '--teacher', student, '--shape', 64, 64)
    assert row_of(printed, 'neck') and row_of(printed, 'backbone')
    sentence = 'the step with this part ended in IndexError: list index out of range.'
    assert f'Not `dense_logits`: {sentence}' in printed


def test_a_pair_of_two_tasks_is_refused_in_a_sentence(
    tmp_path: Path,
    classifier_config: Callable[..., Config],
    inspect: Callable[..., str],
) -> None:
    cfg = classifier_config(tmp_path)
    rest = dict(scope='mmpretrain', data_preprocessor=cfg.data_preprocessor)
    teacher = written(tmp_path / 'teacher.py', cfg.model, **rest)
    student = written(tmp_path / 'a.py', narrow(ONE_STAGE['GFL'], narrow_dense))
    printed = inspect(student, '--teacher', teacher, '--shape', 64, 64)
    assert re.search(r'Not `dense_logits`: .*ImageClassifier', printed)
    assert 'A prediction of a ImageClassifier' in printed


def test_a_config_that_cannot_be_built_is_refused_in_a_sentence(
    tmp_path: Path, inspect: Callable[..., str]
) -> None:
    student = written(tmp_path / 'a.py', dict(type='NoSuchDetector'))
    with pytest.raises(SystemExit, match='error: building the model of config .*KeyE'):
        inspect(student, '--teacher', student)
    with pytest.raises(SystemExit, match='error: reading config nowhere.py ended in'):
        inspect('nowhere.py', '--teacher', student)


def test_a_config_without_a_teacher_is_refused(
    tmp_path: Path, inspect: Callable[..., str]
) -> None:
    student = written(tmp_path / 'a.py', narrow(ONE_STAGE['GFL'], narrow_dense))
    with pytest.raises(SystemExit, match='error: .*give one with --teacher$'):
        inspect(student)
    distilled = tmp_path / 'b.py'
    hook = dict(type='DistillationHook', peers=[dict(config='wide.py')])
    distilled.write_text(f"_base_ = ['a.py']\ncustom_hooks = [{hook}]\n")
    with pytest.raises(SystemExit, match='such as --teacher wide.py of its peer'):
        inspect(str(distilled))
