"""Mistakes a user can make, and the errors they get before the first iteration."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook

TEACHER = dict(config='teacher.py', checkpoint='teacher.pth')
CKD = dict(type='CKDLoss')
TERM = dict(on='roi_logits', loss=CKD)


@pytest.mark.parametrize(
    ('arguments', 'error'),
    [
        (dict(teacher={}), 'teacher must be a dict with a config'),
        (dict(teacher='mmdet::x.py'), "with a config, got 'mmdet::x.py'"),
        (
            dict(teacher=dict(config='x.py', chekpoint='y')),
            "no option 'chekpoint'; did you mean 'checkpoint'",
        ),
        (dict(distill={}), 'distill needs at least one term'),
        (dict(distill=[TERM]), 'distill needs at least one term'),
        (dict(distill=dict(my_loss=TERM)), "must not contain 'loss', got 'my_loss'"),
        (
            dict(distill=dict(ckd='CKDLoss')),
            "term 'ckd' must be a dict with on and loss",
        ),
        (dict(distill=dict(ckd=dict(loss=CKD))), "term 'ckd' lacks 'on'"),
        (dict(distill=dict(ckd=dict(on='logits'))), "term 'ckd' lacks 'loss'"),
        (
            dict(distill=dict(ckd=dict(TERM, shedule={}))),
            "no option 'shedule'; did you mean 'schedule'",
        ),
        (
            dict(distill=dict(ckd=dict(TERM, schedule=dict(begin=-1)))),
            "term 'ckd': schedule: begin must be a finite number >= 0, got -1",
        ),
        (
            dict(distill=dict(ckd=dict(on='logits', loss='CKDLoss'))),
            r"term 'ckd': a distillation loss is given as dict\(type=NAME, ...\)",
        ),
        (
            dict(distill=dict(ckd=dict(on='logits', loss=dict(type='CDKLoss')))),
            "unknown distillation loss 'CDKLoss'; did you mean .*'CKDLoss'",
        ),
        (
            dict(distill=dict(ckd=dict(on='logits', loss=dict(CKD, tau=4)))),
            "CKDLoss does not take {'tau': 4}",
        ),
        (dict(student_loss_weight=-1), 'student_loss_weight must be a finite number'),
        (dict(student_loss_weight=math.nan), 'must be a finite number >= 0'),
        (dict(student_loss_weight=dict(loss_cls='a')), 'must be a finite number >= 0'),
        *(
            (
                dict(distill=dict(t=dict(on='logits', loss=dict(type=loss, **bad)))),
                rf"term 't': {next(iter(bad))} must be .* got",
            )
            for loss in ('CKDLoss', 'KDLoss', 'DKDLoss', 'DISTLoss')
            for bad in (
                dict(temperature=0),
                dict(temperature=-1.0),
                dict(temperature=math.nan),
                dict(loss_weight=-0.5),
            )
        ),
    ],
)
def test_a_wrong_config_is_refused_when_the_hook_is_built(
    arguments: dict[str, Any], error: str
) -> None:
    config: dict[str, Any] = dict(teacher=TEACHER, distill=dict(ckd=TERM))
    with pytest.raises(ValueError, match=error):
        DistillationHook(**(config | arguments))


@pytest.fixture(scope='module')
def runner(
    detector_config: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory
) -> Runner:
    """A runner whose training must not start."""
    cfg = detector_config(tmp_path_factory.mktemp('work_dir'))
    runner = Runner.from_cfg(cfg)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    return runner


def start(runner: Runner, teacher: dict[str, Any], **distill: Any) -> None:
    DistillationHook(teacher=teacher, distill=distill).before_train(runner)


@pytest.mark.parametrize(
    ('term', 'error'),
    [
        (
            dict(on='roi_logit', loss=CKD),
            "unknown on='roi_logit'; did you mean 'roi_logits'.*on='module:NAME'",
        ),
        (dict(on='logits', loss=CKD), "unknown on='logits'"),
        (dict(on=3, loss=CKD), 'unknown on=3'),
        (
            dict(on='module:neck.fpn_conv.0', loss=CKD),
            "no module 'neck.fpn_conv.0'; did you mean 'neck.fpn_convs.0'",
        ),
        (
            dict(on=dict(student='neck', teacher='nek'), loss=CKD),
            "FasterRCNN has no module 'nek'; did you mean 'neck'",
        ),
        (
            dict(on='module:roi_head.bbox_head.fc_cls', loss=dict(type='DKDLoss')),
            "needs 'target', which this pair does not have; it has student, teacher",
        ),
        (
            dict(on=dict(student='neck', teacher='roi_head'), loss=CKD),
            "not run as far as module 'roi_head'; modules in backbone, neck",
        ),
        (
            dict(TERM, schedule=dict(begin=1)),
            r'begin=1 is not before the end of training \(1 epochs\)',
        ),
    ],
)
def test_a_term_that_does_not_fit_the_models_is_refused_before_training(
    runner: Runner, detector_teacher: dict[str, Any], term: dict[str, Any], error: str
) -> None:
    with pytest.raises(ValueError, match=error):
        start(runner, detector_teacher, term=term)


def test_other_classes_are_refused_with_both_counts(
    runner: Runner,
    detector_config: Callable[..., Config],
    teacher_of: Callable[[Config], dict[str, Any]],
    tmp_path: Path,
) -> None:
    other = {'model.roi_head.bbox_head.num_classes': 7}
    teacher = teacher_of(detector_config(tmp_path, **other))
    with pytest.raises(
        ValueError, match='the student has 10 classes and the teacher 7'
    ):
        start(runner, teacher, ckd=TERM)


def test_a_teacher_of_another_task_is_refused(
    runner: Runner, classifier_teacher: dict[str, Any]
) -> None:
    error = 'student is a FasterRCNN and the teacher a ImageClassifier'
    with pytest.raises(ValueError, match=error):
        start(runner, classifier_teacher, ckd=TERM)


def test_an_unsupported_student_gets_what_is_supported_and_the_way_out(
    detector_teacher: dict[str, Any], runner: Runner
) -> None:
    student = torch.nn.Linear(2, 2)
    stub = type('Stub', (), dict(vars(runner), model=student, max_iters=2))()
    stub.train_dataloader = runner.train_dataloader
    with pytest.raises(ValueError, match="type Linear; supported are .*'module:NAME'"):
        start(stub, detector_teacher, ckd=TERM)


def test_a_cascade_is_told_about_modules(
    detector_teacher: dict[str, Any], runner: Runner
) -> None:
    from mmengine.hub import get_config

    from ckd_mm.adapters import ModuleAdapter, find_adapter

    cfg = get_config('mmdet::cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py')
    from mmengine.registry import MODELS

    cfg.model.backbone.update(depth=18, init_cfg=None)
    cfg.model.neck.in_channels = [64, 128, 256, 512]
    cascade = MODELS.build(cfg.model)
    assert find_adapter(cascade) is ModuleAdapter
    with pytest.raises(ValueError, match='compares no named part; any two modules'):
        ModuleAdapter(cascade, cascade, {'ckd': ('roi_logits', ())})


def test_a_checkpoint_in_the_work_dir_survives_every_refusal(
    detector_config: Callable[..., Config], tmp_path: Path
) -> None:
    (tmp_path / 'epoch_1.pth').write_bytes(b'precious')
    teacher = dict(config='no/such/config.py')
    hook = dict(type='DistillationHook', teacher=teacher, distill=dict(ckd=TERM))
    runner = Runner.from_cfg(detector_config(tmp_path, custom_hooks=[hook]))
    with pytest.raises(ValueError, match='no/such/config.py'):
        runner.train()
    assert (tmp_path / 'epoch_1.pth').read_bytes() == b'precious'


def test_a_non_finite_term_stops_the_run_with_iteration_and_term(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    weights = torch.load(detector_teacher['checkpoint'])
    weights['state_dict']['roi_head.bbox_head.fc_cls.bias'].fill_(math.nan)
    torch.save(weights, tmp_path / 'broken.pth')
    teacher = dict(detector_teacher, checkpoint=str(tmp_path / 'broken.pth'))
    hook = dict(type='DistillationHook', teacher=teacher, distill=dict(ckd=TERM))
    runner = Runner.from_cfg(detector_config(tmp_path, custom_hooks=[hook]))
    with pytest.raises(FloatingPointError, match="term 'ckd' is nan in iteration 1;"):
        runner.train()
    assert not list(tmp_path.glob('epoch_*.pth'))


def test_a_term_named_like_a_student_loss_is_refused(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    hook = dict(
        type='DistillationHook', teacher=detector_teacher, distill=dict(cls=TERM)
    )
    runner = Runner.from_cfg(detector_config(tmp_path, custom_hooks=[hook]))
    with pytest.raises(ValueError, match='already logs loss_cls; rename the distill'):
        runner.train()


def test_a_weight_for_a_loss_that_the_student_does_not_have_is_refused(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    hook = dict(
        type='DistillationHook',
        teacher=detector_teacher,
        distill=dict(ckd=deepcopy(TERM)),
        student_loss_weight=dict(loss_clss=0.5),
    )
    runner = Runner.from_cfg(detector_config(tmp_path, custom_hooks=[hook]))
    with pytest.raises(ValueError, match="names 'loss_clss'.*did you mean 'loss_cls'"):
        runner.train()
