"""Runs without labels that cannot be: each is refused before training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook

from .folders import FIT, folder_loader, hook, without_labels

Make = Callable[..., Config]
FGD = dict(type='FGDLoss', student_channels=[32] * 5, teacher_channels=[64] * 5)
LOADER = dict(dataset=dict(type='ImageFolderDataset'), batch_size=2)
TEACHER = dict(config='mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py')


def refusal(cfg: Config) -> str:
    """What a run says, before its first iteration."""
    runner = Runner.from_cfg(cfg)
    with pytest.raises(ValueError) as caught:
        runner.train()
    assert runner.iter == 0
    assert 'loss' not in runner.model.__dict__
    return str(caught.value)


@pytest.mark.parametrize(
    ('term', 'weight', 'message'),
    [
        (dict(on='neck', loss=FGD), 0, "it reads 'boxes' of the labels"),
        (
            dict(on='roi_logits', loss=dict(type='CKDLoss')),
            0,
            'of the student, which runs in a training step with labels alone',
        ),
        (FIT, 1, "the student's losses need labels, and the training data (Im"),
    ],
)
def test_a_run_on_a_folder_that_needs_labels(
    detector_config: Make,
    detector_teacher: dict[str, Any],
    digit_scenes: Path,
    tmp_path: Path,
    term: dict[str, Any],
    weight: float,
    message: str,
) -> None:
    cfg = without_labels(detector_config(tmp_path), digit_scenes / 'train')
    made = dict(
        type='DistillationHook',
        teacher=detector_teacher,
        distill=dict(one=term),
        student_loss_weight=weight,
    )
    cfg.custom_hooks = [made]
    text = refusal(cfg)
    assert message in text
    assert weight or "term 'one' needs labels, and the training data" in text


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(term=dict(on='neck', loss=FGD)), "it reads 'boxes' of the labels"),
        (dict(folder='missing'), "missing/' is none; check data_root"),
        (dict(sampler=dict(type='DefaultSampler')), 'an InfiniteSampler, as the run'),
        (
            dict(indices=[]),
            'unlabelled: building its dataloader ended in ValueError: need at least '
            'one array to concatenate; see that it has images',
        ),
    ],
)
def test_a_second_loader_that_cannot_be(
    detector_config: Make,
    detector_teacher: dict[str, Any],
    digit_scenes: Path,
    tmp_path: Path,
    options: dict[str, Any],
    message: str,
) -> None:
    term, folder = options.pop('term', FIT), options.pop('folder', 'train')
    indices = options.pop('indices', None)
    loader = folder_loader(digit_scenes / folder, **options)
    loader['dataset']['indices'] = indices
    made = dict(
        type='DistillationHook',
        teacher=detector_teacher,
        distill=dict(one=dict(term, data='unlabelled')),
        unlabelled=dict(dataloader=loader),
    )
    assert message in refusal(detector_config(tmp_path, custom_hooks=[made]))


def test_a_second_loader_whose_pipeline_packs_nothing(
    detector_config: Make,
    detector_teacher: dict[str, Any],
    digit_scenes: Path,
    tmp_path: Path,
) -> None:
    loader = folder_loader(digit_scenes / 'train')
    loader['dataset']['pipeline'].pop()
    made = hook(detector_teacher, one=dict(FIT, data='unlabelled'))
    made.update(unlabelled=dict(dataloader=loader), student_loss_weight=1)
    text = refusal(detector_config(tmp_path, custom_hooks=[made]))
    assert "unlabelled: the pipeline must give 'inputs', got" in text
    assert "'PackDetInputs' for MMDetection" in text


@pytest.mark.parametrize(
    ('data', 'options', 'message'),
    [
        ('unlabelled', {}, "'one' has data='unlabelled', and the hook has no loader"),
        ('labelled', dict(unlabelled=dict(dataloader=LOADER)), 'no term compares on'),
        ('both', {}, "'one' has data='both', and the hook has no loader"),
        ('unlabeled', {}, "data must be one of 'labelled', 'unlabelled', 'both', got"),
        ('unlabelled', dict(unlabelled=LOADER), "unlabelled has no option 'dataset'"),
        ('unlabelled', dict(unlabelled={}), 'dataloader must be a dict like a'),
        (
            'unlabelled',
            dict(unlabelled=dict(dataloader=dict(dataset={}))),
            'with dataset and batch_size, got',
        ),
        (
            'unlabelled',
            dict(unlabelled=dict(dataloader=LOADER), student_loss_weight=0),
            'make the images without labels the train_dataloader',
        ),
    ],
)
def test_a_config_that_does_not_fit_together(
    data: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError) as caught:
        DistillationHook(TEACHER, dict(one=dict(FIT, data=data)), **options)
    assert message in str(caught.value)


def test_a_term_is_not_named_as_the_log_names_another() -> None:
    terms = dict(one=dict(FIT, data='both'), one_unlabelled=FIT)
    with pytest.raises(ValueError, match="'one_unlabelled' of a term is what the log"):
        DistillationHook(TEACHER, terms, unlabelled=dict(dataloader=LOADER))


def test_no_term_that_acts_leaves_nothing_to_learn(
    detector_config: Make,
    detector_teacher: dict[str, Any],
    digit_scenes: Path,
    tmp_path: Path,
) -> None:
    cfg = without_labels(detector_config(tmp_path), digit_scenes / 'train')
    late = dict(FIT, schedule=dict(begin=1, by_epoch=False))
    made = dict(teacher=detector_teacher, distill=dict(fit=late))
    cfg.custom_hooks = [dict(type='DistillationHook', student_loss_weight=0, **made)]
    assert 'none of them acts at epoch 0; let the schedule' in refusal(cfg)


def test_images_of_unknown_sizes_are_not_grouped_by_them(
    detector_config: Make,
    detector_teacher: dict[str, Any],
    digit_scenes: Path,
    tmp_path: Path,
) -> None:
    cfg = without_labels(detector_config(tmp_path), digit_scenes / 'train')
    cfg.train_dataloader.batch_sampler = dict(type='AspectRatioBatchSampler')
    cfg.custom_hooks = [hook(detector_teacher, fit=FIT)]
    assert 'set batch_sampler=None in the train_dataloader' in refusal(cfg)
