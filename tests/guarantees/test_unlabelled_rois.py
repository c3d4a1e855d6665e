"""A detector that learns, on images without labels, the RoIs of its teacher."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from mmdet.structures.bbox import bbox2roi
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.hooks import DistillationHook

from ..tasks import differences
from .folders import folder_loader
from .steps import Steps, loaded
from .test_unlabelled import _note_batches

pytestmark = pytest.mark.slow
NUM_ROIS, TEMPERATURE = 4, 2.0
ROIS = dict(part='roi_logits', rois='teacher', num_rois=NUM_ROIS)
KD = dict(type='KDLoss', temperature=TEMPERATURE)


class Batches(Steps):
    """The labelled batches as a detector gets them, in `data`."""

    def before_train(self, runner: Runner) -> None:
        super().before_train(runner)
        self.data: list[dict[str, Any]] = []

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        data = deepcopy(kwargs['data_batch'])
        self.data.append(runner.model.data_preprocessor(data, True))


def configured(
    make: Callable[..., Config], teacher: Any, folder: Path, work_dir: Path, data: str
) -> Config:
    """Without random flips and samplers, and with BatchNorm as it is."""
    second = folder_loader(folder, batch_size=2)
    del second['dataset']['pipeline'][2]
    hook = dict(
        type='DistillationHook',
        teacher=teacher,
        distill=dict(semi=dict(on=ROIS, data=data, loss=KD)),
        unlabelled=dict(dataloader=second),
    )
    cfg = make(work_dir, epochs=2, custom_hooks=[hook])
    cfg.model.backbone.norm_eval = True
    for part in ('rpn', 'rcnn'):
        cfg.model.train_cfg[part].sampler = dict(type='PseudoSampler')
    del cfg.train_dataloader.dataset.pipeline[3]
    cfg.param_scheduler = None
    return cfg


def semi(student: BaseModel, teacher: BaseModel, batch: dict[str, Any]) -> Tensor:
    """KD on the best boxes of the teacher's RPN."""
    images, samples = batch['inputs'], batch['data_samples']
    with torch.no_grad():
        maps = teacher.extract_feat(images)
        found = teacher.rpn_head.predict(maps, samples, rescale=False)
        rois = bbox2roi([one.bboxes[:NUM_ROIS] for one in found])
        wanted = teacher.roi_head._bbox_forward(maps, rois)['cls_score']
    assert len(rois) == NUM_ROIS * len(images)
    maps = student.extract_feat(images)
    given = student.roi_head._bbox_forward(maps, rois)['cls_score']
    one, two = (wanted / TEMPERATURE).softmax(1), (given / TEMPERATURE).log_softmax(1)
    return TEMPERATURE**2 * F.kl_div(two, one, reduction='batchmean')


def train_by_hand(
    steps: Batches, teacher: BaseModel, unlabelled: list[Any], settings: Any
) -> list[Tensor]:
    """Train the copy of the student; the loss of the term in each step."""
    student = steps.student.train()
    options = {key: one for key, one in settings.items() if key != 'type'}
    optimizer = torch.optim.SGD(student.parameters(), **options)
    losses = []
    for batch, more in zip(steps.data, unlabelled, strict=True):
        own, _ = student.parse_losses(student(**batch, mode='loss'))
        loss = semi(student, teacher, more)
        optimizer.zero_grad()
        (own + loss).backward()
        optimizer.step()
        losses.append(loss.detach())
    return losses


def test_a_run_is_the_loop_written_by_hand(
    detector_config: Callable[..., Config],
    detector_teacher: Any,
    digit_scenes: Path,
    tmp_path: Path,
) -> None:
    folder = digit_scenes / 'train'
    cfg = configured(detector_config, detector_teacher, folder, tmp_path, 'unlabelled')
    runner, steps = Runner.from_cfg(cfg), Batches()
    runner.register_hook(steps)
    hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
    unlabelled: list[Any] = []
    _note_batches(hook._unlabelled, unlabelled, whole=True)
    runner.train()
    assert len(unlabelled) == len(steps.data) == 4
    teacher, settings = loaded(detector_teacher), cfg.optim_wrapper.optimizer
    start = deepcopy(steps.student.state_dict())
    losses = train_by_hand(steps, teacher, unlabelled, settings)
    found, expected = runner.model.state_dict(), steps.student.state_dict()
    assert differences(expected, found, tolerance=1e-3) == {}
    assert len(differences(start, found, tolerance=1e-2)) > 10
    logged = steps.logged['train/loss_semi'].data[0]
    assert logged == pytest.approx([one.item() for one in losses], rel=1e-3)
