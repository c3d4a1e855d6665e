"""Weights of single losses of the student: late ones, early ones, misspelt ones."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.model import BaseModel

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import ModelTeacher

from ..adapters.detectors import one_stage

EARLY = "names 'loss_clss', which the student does not log in the first step"
LATE = "names 'loss_clss', which the student has not logged in any step"


class Lines(logging.Handler):
    """Keeps the warnings of MMEngine's log, which does not hand them on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.getMessage())


def step(distiller: Distiller, student: BaseModel) -> dict[str, Any]:
    batch = demo_mm_inputs(2, [[3, 64, 64]] * 2, num_classes=10)
    data = student.train().data_preprocessor(batch, True)
    return student(**data, mode='loss')


def test_a_loss_that_comes_late_and_ends_early_is_weighted_while_it_is_there() -> None:
    """YOLOX logs loss_l1 in its last epochs alone."""
    student, teacher = one_stage('YOLOX'), one_stage('YOLOX', seed=1)
    term = dict(on='neck', loss=dict(type='PKDLoss'))
    distiller = Distiller(
        student,
        [ModelTeacher(teacher.requires_grad_(False))],
        build_terms(dict(pkd=term)),
        dict(loss_l1=0.0, loss_cls=1.0),
    )
    lines = Lines()
    MMLogger.get_current_instance().addHandler(lines)
    distiller.attach()
    try:
        assert 'loss_l1' not in step(distiller, student)
        assert distiller.student_losses.unlogged == ['loss_l1']
        student.bbox_head.use_l1 = True
        assert step(distiller, student)['loss_l1'] == 0
        assert distiller.student_losses.unlogged == []
        student.bbox_head.use_l1 = False
        assert 'loss_l1' not in step(distiller, student)
    finally:
        distiller.detach()
        MMLogger.get_current_instance().removeHandler(lines)
    (line,) = lines.found
    assert "student_loss_weight names 'loss_l1', which the student does not" in line
    assert 'its weight counts once the student does; did you mean' in line


def test_a_misspelt_loss_is_named_at_the_start_and_at_the_end(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    run: Callable[[Config], Any],
    tmp_path: Path,
) -> None:
    hook = dict(
        type='DistillationHook',
        teacher=detector_teacher,
        distill=dict(ckd=dict(on='roi_logits', loss=dict(type='CKDLoss'))),
        student_loss_weight=dict(loss_clss=0.5, loss_bbox=1.0),
    )
    run(detector_config(tmp_path, custom_hooks=[hook]))
    (log,) = tmp_path.glob('*/*.log')
    warnings = [line for line in log.read_text().splitlines() if 'WARNING' in line]
    (early,) = [line for line in warnings if EARLY in line]
    assert "did you mean 'loss_cls' or" in early
    (late,) = [line for line in warnings if LATE in line]
    assert log.read_text().index(early) < log.read_text().index('Epoch(train)')
    assert log.read_text().index(late) > log.read_text().rindex('Epoch(train)')
    assert not any("names 'loss_bbox'" in line for line in warnings)
