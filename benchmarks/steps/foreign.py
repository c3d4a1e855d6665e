"""A Faster R-CNN beside a ViT of timm: what is run, and the teacher alone."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from mmdet.testing import demo_mm_inputs
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS
from torch import Tensor

from ckd_mm.teachers import ModelTeacher, read_teachers
from ckd_mm.teachers.inputs import TeacherInputs

from .setting import CONFIGS, Setting, sample_of
from .timing import Case

__all__ = [
    'STUDENTS',
    'foreign_setting',
    'foreign_teacher',
    'needed_teacher',
    'term_on',
]

STUDENTS = {
    'r18': 'faster_rcnn/faster-rcnn_r18_fpn_1x_coco.py',
    'r50': 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
    'digits': 'digits/faster-rcnn_r18-w8_digits.py',
}


def foreign_teacher(model: str, **options: Any) -> ModelTeacher:
    """A teacher of timm with random weights, on the device that there is."""
    config = dict(type='timm', model=model, pretrained=False, **options)
    (kind,) = read_teachers(config)
    runner: Any = None  # no kind of another library looks at it
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    teacher = kind.build(runner, device)
    assert isinstance(teacher, ModelTeacher)
    return teacher


def foreign_setting(name: str, side: int, images: int, model: str) -> Setting:
    """A student of :data:`STUDENTS` and one random batch of square images."""
    register_all_modules()
    cfg = _config(name)
    cfg.model.backbone.init_cfg = None  # downloads nothing
    torch.manual_seed(0)
    student = MODELS.build(cfg.model)
    student.init_weights()
    teacher = foreign_teacher(model).model
    student = student.to(next(teacher.parameters()).device).train()
    optimizer = dict(cfg.optim_wrapper, optimizer=dict(type='SGD', lr=0.0))
    classes = student.roi_head.bbox_head.num_classes
    batch = demo_mm_inputs(
        images, [[3, side, side]] * images, num_items=[7] * images, num_classes=classes
    )
    return Setting(
        f'Faster R-CNN {name}, {images} images of {side}x{side}',
        student,
        teacher,
        build_optim_wrapper(student, optimizer),
        [sample_of(student, batch)],
        (student.neck.out_channels, teacher.channels[-1]),
    )


def term_on(setting: Setting, block: int, **options: Any) -> dict[str, dict[str, Any]]:
    """The `distill` config of FitNets from a block on the level of the same stride."""
    student, teacher = setting.neck_channels
    loss = dict(type='FitNetLoss', student_channels=student, teacher_channels=teacher)
    on = dict(student='neck:2', teacher=f'blocks:{block}')
    return dict(fit=dict(on=on, loss=loss, **options))


def needed_teacher(setting: Setting) -> Case:
    """The library's model on images that are ready, to the last block that is read.

    A distiller must have been made, which tells the teacher what is read.
    """
    (sample,) = setting.samples
    backbone: Any = setting.teacher.backbone
    inputs = TeacherInputs(
        setting.student.data_preprocessor, setting.teacher.data_preprocessor
    ).to(setting.device)
    data = setting.student.data_preprocessor(deepcopy(sample.batch), True)
    with torch.no_grad():
        images: Tensor = inputs(data['inputs'], data['data_samples'])
        canvas = backbone.fit.padded(backbone.fit.scaled(images))

    @torch.no_grad()
    def run(*_: Any) -> None:
        backbone.body(canvas, backbone.wanted)

    return Case(run)


def _config(name: str) -> Config:
    path = STUDENTS[name]
    if '::' in path:
        from mmengine.hub import get_config

        return get_config(path)
    return Config.fromfile(CONFIGS / path)
