"""Two ranks train by folders of images as one process does with the double batch.

Without random flips, and with BatchNorm in eval mode.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner

from ckd_mm.engine.training_data import check_wrapper

from ..guarantees.folders import FIT, folder_loader, hook, without_labels
from ..guarantees.test_unlabelled_rois import configured
from ..tasks import differences
from .ranks import start_ranks
from .test_training import DDP, WORKER

Make = Callable[[int], Config]
KD = dict(on='logits', loss=dict(type='KDLoss'))
DHO = dict(  # one head on both batches, whose wrapper is called twice
    data='both',
    on=dict(student='embedding', teacher='logits'),
    loss=dict(type='DHOLoss'),
)
SSLD = dict(
    distill=dict(js=dict(on='logits', data='both', loss=dict(type='JSLoss'))),
    student_loss_weight=0.0,
)


@pytest.fixture
def without_heads(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    digit_scenes: Path,
) -> Make:
    """A detector that learns from a folder alone."""

    def make(num_ranks: int) -> Config:
        made = hook(detector_teacher, fit=FIT)
        cfg = detector_config(Path('unused'), custom_hooks=[made])
        cfg = without_labels(cfg, digit_scenes / 'train')
        del cfg.train_dataloader.dataset.pipeline[2]
        cfg.train_dataloader.batch_size = 4 // num_ranks
        cfg.model.backbone.norm_eval = True
        return cfg

    return make


@pytest.fixture
def with_a_second_loader(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    digit_scenes: Path,
) -> Make:
    """A classifier that learns from labelled images and from a folder."""

    def make(num_ranks: int, **options: Any) -> Config:
        size = 4 // num_ranks
        loader = folder_loader(digit_scenes / 'train', 'mmpretrain', batch_size=size)
        del loader['dataset']['pipeline'][2]
        made = dict(
            type='DistillationHook',
            teacher=classifier_teacher,
            distill=dict(kd=KD, semi=dict(KD, data='unlabelled'), dho=DHO),
            unlabelled=dict(dataloader=loader),
        )
        made.update(options)
        cfg = classifier_config(Path('unused'), custom_hooks=[made])
        cfg.model.backbone.norm_eval = True
        cfg.train_dataloader.drop_last = True  # two ranks would share an image
        cfg.train_dataloader.batch_size //= num_ranks
        return cfg

    return make


@pytest.fixture
def with_rois(
    detector_config: Callable[..., Config],
    detector_teacher: dict[str, Any],
    digit_scenes: Path,
) -> Make:
    """A detector that learns the RoIs of its teacher alone, in both kinds of images."""

    def make(num_ranks: int) -> Config:
        folder = digit_scenes / 'train'
        cfg = configured(
            detector_config, detector_teacher, folder, Path('unused'), 'both'
        )
        cfg.custom_hooks[0].student_loss_weight = 0.0
        cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=2)
        for loader in (
            cfg.train_dataloader,
            cfg.custom_hooks[0].unlabelled.dataloader,
        ):
            loader.batch_size //= num_ranks
        return cfg

    return make


@pytest.mark.slow
def test_two_ranks_train_as_one(
    without_heads: Make, with_a_second_loader: Make, with_rois: Make, tmp_path: Path
) -> None:
    command: list[Any] = [WORKER]
    alone: dict[str, Path] = {}
    ssld = partial(with_a_second_loader, **SSLD)
    for name, make in (
        ('heads', without_heads),
        ('second', with_a_second_loader),
        ('ssld', ssld),
        ('rois', with_rois),
    ):
        folder = tmp_path / name
        folder.mkdir()
        cfg = make(2)
        no_heads = cfg.custom_hooks[0].get('student_loss_weight') == 0
        wrapper = dict(DDP, find_unused_parameters=no_heads)
        cfg.update(launcher='pytorch', work_dir=str(folder), model_wrapper_cfg=wrapper)
        cfg.dump(folder / 'config.py')
        command += [folder / 'config.py', folder]
        cfg = make(1)
        alone[name] = tmp_path / f'{name}_alone'
        cfg.work_dir = str(alone[name])
        Runner.from_cfg(cfg).train()
    start_ranks(2, *command)
    learning = {'heads', 'second'}  # those with something to learn beside the student
    for name, folder in alone.items():
        expected, found = saved(folder), saved(tmp_path / name)
        states = {'state_dict', 'ckd_mm'} & expected.keys()
        assert ('ckd_mm' in states) == (name in learning)
        for state in states:
            assert differences(expected[state], found[state], tolerance=1e-4) == {}


def saved(folder: Path) -> dict[str, Any]:
    """The weights of a run, of its student and of its losses."""
    (file,) = folder.glob('*.pth')
    return torch.load(file, weights_only=False)


def test_heads_that_do_not_run_need_find_unused_parameters(one_rank: None) -> None:
    module = torch.nn.Linear(2, 2)
    check_wrapper(MMDistributedDataParallel(module, find_unused_parameters=True))
    with pytest.raises(ValueError, match='add find_unused_parameters=True to the conf'):
        check_wrapper(MMDistributedDataParallel(module))
