"""What the answers step: Faster R-CNN as in the benchmark of a step, or GFL."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from mmdet.testing import demo_mm_inputs
from mmdet.utils import register_all_modules
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import MODELS
from torch import Tensor

from benchmarks.steps.setting import SIZES
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import ModelTeacher, Speed
from device.first_hour.places import Run

__all__ = ['DEVICE', 'Models', 'attached', 'faster_rcnn', 'gfl', 'model_of', 'step']

DEVICE = torch.device('cuda' if torch.cuda.is_available() else 'cpu')

GFL = 'mmdet::gfl/gfl_r50_fpn_1x_coco.py'
NARROW: dict[str, dict[str, Any]] = dict(
    backbone=dict(depth=18, base_channels=8),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=32),
    bbox_head=dict(in_channels=32, feat_channels=32, stacked_convs=1),
)


@dataclass
class Models:
    """A student and a teacher, ready to step.

    Args:
        student: In training mode.
        teacher: Frozen, with random weights.
        optimizer: Of the student.
        batch: As the data loader gives it.
        distill: One term that fits them.
        autocast: The context of a step.
    """

    student: BaseModel
    teacher: BaseModel
    optimizer: OptimWrapper
    batch: dict[str, Any]
    distill: dict[str, dict[str, Any]]
    autocast: AbstractContextManager[Any]


def faster_rcnn(run: Run, dtype: str | None = None, lr: float = 0.0) -> Models:
    """R18 from R101 at COCO's size, or in a dry run the smallest."""
    logging.disable(logging.WARNING)
    setting = SIZES['small' if run.dry else 'coco'](None, False)
    loss = dict(type='CKDLoss', temperature=0.1)
    return _models(
        setting.student,
        setting.teacher,
        setting.samples[0].batch,
        dict(ckd=dict(on='roi_logits', loss=loss)),
        dtype,
        lr,
    )


def gfl(run: Run, dtype: str | None = None, lr: float = 0.0) -> Models:
    """GFL, which needs no RoIAlign and no focal loss: R50 from R50, or narrow ones."""
    logging.disable(logging.WARNING)
    size = [3, 64, 64] if run.dry else [3, 800, 1333]
    changes = NARROW if run.dry else {}
    student, teacher = (model_of(GFL, **changes) for _ in range(2))
    return _models(
        student.train(),
        teacher.eval().requires_grad_(False),
        demo_mm_inputs(2, [size] * 2, num_items=[3, 2], num_classes=80),
        dict(ckd=dict(on='dense_logits', loss=dict(type='CKDLoss', temperature=0.1))),
        dtype,
        lr,
    )


def model_of(config: str, **changes: dict[str, Any]) -> BaseModel:
    """A model of the zoo with random weights, which downloads nothing."""
    register_all_modules()
    cfg = get_config(config).model
    cfg.backbone.init_cfg = None
    for part, change in changes.items():
        cfg[part].update(change)
    model = MODELS.build(cfg)
    model.init_weights()
    return model.to(DEVICE)


def step(models: Models) -> dict[str, Tensor]:
    """One training step; its logged values, which nothing has waited for."""
    batch = copy.deepcopy(models.batch)
    with models.autocast:
        logged: dict[str, Tensor] = models.student.train_step(batch, models.optimizer)
    return logged


@contextmanager
def attached(
    models: Models,
    distill: dict[str, dict[str, Any]] | None = None,
    speed: Speed | None = None,
) -> Iterator[Distiller]:
    """Distil inside of a `with`, by the term that fits the models or by others."""
    terms = build_terms(copy.deepcopy(distill or models.distill))
    teacher = ModelTeacher(models.teacher, 1.0, speed or Speed())
    distiller = Distiller(models.student, [teacher], terms)
    with distiller.attached():
        yield distiller


def _models(
    student: BaseModel,
    teacher: BaseModel,
    batch: dict[str, Any],
    distill: dict[str, dict[str, Any]],
    dtype: str | None,
    lr: float,
) -> Models:
    """With MMEngine's AMP on a GPU; it knows none on a CPU, which has autocast."""
    optimizer: dict[str, Any] = dict(optimizer=dict(type='SGD', lr=lr, momentum=0.9))
    autocast: AbstractContextManager[Any] = nullcontext()
    if dtype and DEVICE.type == 'cuda':
        optimizer.update(type='AmpOptimWrapper', dtype=dtype, loss_scale='dynamic')
    elif dtype:
        autocast = torch.autocast('cpu', getattr(torch, dtype))
    wrapper = build_optim_wrapper(student, optimizer)
    return Models(student, teacher, wrapper, batch, distill, autocast)
