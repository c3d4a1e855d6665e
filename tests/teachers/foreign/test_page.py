"""What docs/foreign_teachers.md says of logits, and its config of DINOv2."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from ckd_mm.registry import LOSSES

from ...adapters.pairs import pair
from ...processes import ROOT
from ...tutorials.page import files, python
from .libraries import CASES
from .steps import STUDENTS, batch_for, teacher_model

PAGE = ROOT / 'docs/foreign_teachers.md'


def test_logits_of_a_timm_model_are_the_rows_of_its_classifier(tmp_path: Path) -> None:
    (code,) = (one for one in python(PAGE) if 'model.head' in one)
    on = Config.fromstring(code, '.py').kd.on.to_dict()
    config = CASES['timm ViT'].config(tmp_path)
    config['args'] = dict(config['args'], num_classes=10)
    student, teacher = STUDENTS['ResNet'][0]().train(), teacher_model(**config)
    batch = batch_for(student)
    with pytest.raises(ValueError, match='logits'):
        pair(student, teacher, batch, 'logits')
    found = pair(student, teacher, batch, on)
    assert found['student'].shape == found['teacher'].shape == (2, 10)


def test_the_maps_of_the_config_of_dinov2_have_one_size(tmp_path: Path) -> None:
    (tmp_path / 'my_dinov2.py').write_text(files(PAGE)['my_dinov2.py'])
    (hook,) = Config.fromfile(tmp_path / 'my_dinov2.py').custom_hooks
    term = hook.distill.dinov2
    small = dict(embed_dim=24, depth=2, num_heads=2)
    teacher = teacher_model(**hook.teacher, pretrained=False, args=small)
    student = STUDENTS['Faster R-CNN'][0]()
    found = pair(student, teacher, batch_for(student), term.on.to_dict())
    maps = found['student'], found['teacher']
    assert maps[0].shape[2:] == maps[1].shape[2:]
    widths = (maps[0].shape[1], maps[1].shape[1])
    loss = LOSSES.build(dict(term.loss, **dict(zip(WIDTHS, widths, strict=True))))
    assert 0 < loss(*maps) < 2


WIDTHS = ('student_channels', 'teacher_channels')
