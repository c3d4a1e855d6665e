"""What the inspection prints of a teacher of another library."""

from __future__ import annotations

import pytest

from ckd_mm.commands.levels import foreign_model, levels_of, levels_term

from ..adapters.detectors import faster_rcnn
from ..processes import run_script

TINY = dict(type='timm', model='vit_tiny_patch16_224', args=dict(depth=2))


def test_levels_have_names_shapes_and_strides_of_both_models() -> None:
    pytest.importorskip('timm')
    student = faster_rcnn()
    teacher = foreign_model({**TINY, 'input_size': 0.5}, student)
    levels = [levels_of(one, (96, 128)) for one in (student, teacher)]
    shown = [[(one.name, one.shape[1:], one.stride) for one in side] for side in levels]
    assert shown[0][:2] == [
        ('backbone:0', (8, 24, 32), '4'),
        ('backbone:1', (16, 12, 16), '8'),
    ]
    assert ('neck:2', (32, 6, 8), '16') in shown[0]
    assert shown[1] == [
        ('blocks:0', (192, 3, 4), '32'),
        ('blocks:1', (192, 3, 4), '32'),
    ]
    term = levels_term(*levels)
    assert term is not None
    assert term['on'] == dict(student='neck:3', teacher='blocks:1')


@pytest.mark.slow
def test_the_tool_prints_lines_for_a_model_of_timm() -> None:
    pytest.importorskip('timm')
    command = ['tools/inspect_distillation.py']
    command += ['mmdet::retinanet/retinanet_r18_fpn_1x_coco.py']
    command += ['--teacher', 'timm::resnet18', '--shape', '64', '96']
    done = run_script(*command, fresh=True)
    assert done.returncode == 0, done.stderr
    assert '| teacher | `stages:3` | (1, 512, 2, 3) | 32 |' in done.stdout
    assert "teacher=dict(type='timm', model='resnet18')" in done.stdout
    assert 'on=dict(student=' in done.stdout
