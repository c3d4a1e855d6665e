from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.teachers import build_teacher, evaluate_teacher

TERM = dict(on='roi_logits', loss=dict(type='CKDLoss'))


def hook(teacher: dict[str, Any]) -> dict[str, Any]:
    teacher = dict(teacher, evaluate=True)
    return dict(type='DistillationHook', teacher=teacher, distill=dict(ckd=TERM))


def test_the_metrics_are_those_of_a_stock_test_of_the_teacher(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    stock = Config.fromfile(classifier_teacher['config'])
    stock.work_dir = str(tmp_path / 'stock')
    stock.load_from = classifier_teacher['checkpoint']
    expected = Runner.from_cfg(stock).test()
    student = Runner.from_cfg(classifier_config(tmp_path / 'student'))
    student._val_loop = student.build_val_loop(student._val_loop)
    got = evaluate_teacher(build_teacher(**classifier_teacher), student)
    assert got == expected
    assert got['accuracy/top1'] > 0


def test_they_are_logged_under_teacher_before_the_first_iteration(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    cfg = detector_config(tmp_path, custom_hooks=[hook(detector_teacher)])
    Runner.from_cfg(cfg).train()
    log = next(tmp_path.glob('*/vis_data/scalars.json')).read_text()
    first = json.loads(log.splitlines()[0])
    assert 'teacher/coco/bbox_mAP' in first


def test_it_is_not_evaluated_unless_asked_for(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    silent = dict(hook(detector_teacher), teacher=detector_teacher)
    Runner.from_cfg(detector_config(tmp_path, custom_hooks=[silent])).train()
    log = next(tmp_path.glob('*/vis_data/scalars.json')).read_text()
    assert 'teacher/' not in log


def test_it_needs_a_validation_loop(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    cfg = detector_config(tmp_path, custom_hooks=[hook(detector_teacher)])
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    with pytest.raises(ValueError, match='evaluate=True.* needs a validation loop'):
        Runner.from_cfg(cfg).train()
