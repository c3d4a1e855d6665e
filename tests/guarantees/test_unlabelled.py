"""A second loader, of images without labels, beside the labelled one."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.hooks import DistillationHook

from ..tasks import differences, weights
from .folders import FIT, folder_loader
from .interruption import SeedEachEpoch

Make = Callable[..., Config]
KD: dict[str, Any] = dict(on='logits', loss=dict(type='KDLoss', temperature=4.0))
ITERS = 4


@HOOKS.register_module()
class NoteImages(Hook):
    """Notes the labelled images, and the runs of the student's backbone."""

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        self.seen: list[Tensor] = []
        self.runs: list[int] = []
        runner.model.backbone.register_forward_hook(
            lambda module, args, output: self.runs.append(len(args[0]))
        )

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self.seen.append(torch.stack([*kwargs['data_batch']['inputs']]))


def hook(teacher: Any, folder: Path, weight: float = 1.0, **options: Any) -> Any:
    """One term, on images of a folder beside the labelled ones."""
    second = deepcopy(KD)
    second['loss']['loss_weight'] = weight
    return dict(
        type='DistillationHook',
        teacher=teacher,
        distill=dict(semi={**second, 'data': 'unlabelled', **options}),
        unlabelled=dict(dataloader=folder_loader(folder, 'mmpretrain')),
    )


@pytest.fixture
def config(classifier_config: Make) -> Make:
    """A classifier, in iterations; both kinds of images are flipped at random."""

    def make(work_dir: Path, *hooks: Any) -> Config:
        cfg = classifier_config(work_dir)
        loader = cfg.train_dataloader
        flip = dict(type='RandomFlip', prob=0.5)
        loader.dataset.pipeline.insert(1, flip)
        loader.update(batch_size=8, sampler=dict(type='InfiniteSampler', shuffle=True))
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=ITERS)
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.default_hooks.checkpoint = dict(
            type='CheckpointHook', by_epoch=False, interval=2
        )
        cfg.default_hooks.logger.interval = 1
        cfg.param_scheduler = None
        cfg.custom_hooks = [*hooks, dict(type='NoteImages')]
        return cfg

    return make


def trained(cfg: Config) -> tuple[Runner, NoteImages, list[Tensor]]:
    """A run, what it saw, and the images without labels in each iteration."""
    runner = Runner.from_cfg(cfg)
    second: list[Tensor] = []
    for one in runner.hooks:
        if isinstance(one, DistillationHook) and one._unlabelled is not None:
            _note_batches(one._unlabelled, second)
    runner.train()
    notes = next(one for one in runner.hooks if isinstance(one, NoteImages))
    return runner, notes, second


def _note_batches(data: Any, seen: list[Any], whole: bool = False) -> None:
    """Keep the images without labels of each step, or all that a batch has."""
    read = data.batch

    def batch(runner: Runner) -> Any:
        found = read(runner)
        seen.append(found if whole else found['inputs'].clone())
        return found

    data.batch = batch


@pytest.mark.slow
def test_terms_that_are_off_leave_the_stock_run_bit_for_bit(
    config: Make, classifier_teacher: Any, digit_scenes: Path, tmp_path: Path
) -> None:
    """BatchNorm's statistics and the random flips of the labelled images too."""
    stock, _, _ = trained(config(tmp_path / 'stock'))
    folder = digit_scenes / 'train'
    silent, notes, second = trained(
        config(tmp_path / 'off', hook(classifier_teacher, folder, weight=0.0))
    )
    assert differences(weights(stock), weights(silent)) == {}
    assert len(second) == ITERS
    logged = silent.message_hub.log_scalars
    assert logged['train/semi_top1_agreement'].current() >= 0


@pytest.mark.slow
def test_both_batches_train_and_each_model_runs_once_more(
    config: Make, classifier_teacher: Any, digit_scenes: Path, tmp_path: Path
) -> None:
    folder = digit_scenes / 'train'
    _, before, _ = trained(config(tmp_path / 'stock'))
    runner, notes, second = trained(
        config(tmp_path / 'on', hook(classifier_teacher, folder))
    )
    assert notes.runs == [8, 4] * ITERS  # its own batch, and the one without labels
    for one, two in zip(before.seen, notes.seen, strict=True):
        assert torch.equal(one, two)  # the labelled images are those of the stock run
    assert len(second) == ITERS
    logged = runner.message_hub.log_scalars
    assert logged['train/loss_semi'].current() > 0
    assert logged['train/loss_student'].current() > 0


EVERY_2 = dict(schedule=dict(every=2))  # so that its batches are no iterations
SSLD = dict(loss=dict(type='JSLoss'), data='both')


@pytest.mark.slow
@pytest.mark.parametrize('options', [EVERY_2, SSLD], ids=['every second', 'SSLD'])
def test_a_resumed_run_goes_on_with_the_same_images(
    config: Make,
    classifier_teacher: Any,
    digit_scenes: Path,
    tmp_path: Path,
    options: dict[str, Any],
) -> None:
    """Each with the same flips, as a batch's random numbers depend on its number."""
    make = hook(classifier_teacher, digit_scenes / 'train', **options)
    make['student_loss_weight'] = 0.0 if options is SSLD else 1.0
    cfg = config(tmp_path / 'whole', make)
    cfg.train_dataloader.dataset.pipeline.pop(1)  # MMEngine seeds flips anew
    whole, _, images = trained(deepcopy(cfg))
    cfg.work_dir, cfg.experiment_name = str(tmp_path / 'resumed'), 'resumed'
    cfg.load_from, cfg.resume = str(tmp_path / 'whole/iter_2.pth'), True
    resumed, _, rest = trained(cfg)
    assert len(images) == 2 * len(rest) == (4 if options is SSLD else 2)
    for one, two in zip(images[len(rest) :], rest, strict=True):
        assert torch.equal(one, two)
    assert not torch.equal(images[0], images[len(rest)])
    assert differences(weights(whole), weights(resumed)) == {}


@pytest.mark.slow
@pytest.mark.parametrize('moves', [True, False])
def test_statistics_of_batchnorm_see_the_images_or_not(
    config: Make,
    classifier_teacher: Any,
    digit_scenes: Path,
    tmp_path: Path,
    moves: bool,
) -> None:
    made = hook(classifier_teacher, digit_scenes / 'train')
    made['unlabelled']['moves_statistics'] = moves
    runner, _, _ = trained(config(tmp_path, made))
    seen = runner.model.backbone.bn1.num_batches_tracked
    assert seen == (2 * ITERS if moves else ITERS)


@pytest.mark.slow
def test_a_detector_learns_maps_of_a_foreign_teacher_on_both(
    detector_config: Make, digit_scenes: Path, tmp_path: Path
) -> None:
    """One teacher, two terms, with an average of the weights and accumulation."""
    from ..teachers.foreign.libraries import CASES

    first = dict(student='neck:1', teacher='stages:1')
    second = dict(student='neck:2', teacher='stages:2')
    made = dict(
        type='DistillationHook',
        teacher=CASES['timm ConvNeXt'].config(tmp_path),
        distill=dict(
            maps=dict(FIT, on=first), more=dict(FIT, on=second, data='unlabelled')
        ),
        unlabelled=dict(dataloader=folder_loader(digit_scenes / 'val', batch_size=2)),
    )
    cfg = detector_config(tmp_path, custom_hooks=[made, dict(type='EMAHook')])
    cfg.optim_wrapper.accumulative_counts = 2
    runner, _, images = trained_detector(cfg)
    logged = runner.message_hub.log_scalars
    for name in ('loss_maps', 'loss_more', 'loss_rpn_cls', 'loss_cls'):
        assert logged[f'train/{name}'].current() > 0
    assert [len(one) for one in images] == [2, 2]


@pytest.mark.slow
def test_a_detector_that_learns_the_rois_of_its_teacher_is_resumed_and_left_alone(
    detector_config: Make,
    detector_teacher: Any,
    digit_scenes: Path,
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    """Bit for bit the run in one go, and with weight 0 the stock run."""

    def config(name: str, weight: float | None = 1.0) -> Config:
        kd = dict(type='KDLoss', temperature=1.0, loss_weight=weight)
        on = dict(part='roi_logits', rois='teacher', num_rois=16)
        second = folder_loader(digit_scenes / 'val', batch_size=2)
        made = dict(
            type='DistillationHook',
            teacher=detector_teacher,
            distill=dict(semi=dict(on=on, data='unlabelled', loss=kd)),
            unlabelled=dict(dataloader=second),
        )
        hooks = [
            dict(type=SeedEachEpoch.__name__),
            *([made] if weight is not None else []),
        ]
        return detector_config(tmp_path / name, epochs=2, custom_hooks=hooks)

    stock, zero = run(config('stock', None)), run(config('zero', 0.0))
    assert differences(weights(stock), weights(zero)) == {}
    whole, _, images = trained_detector(config('whole'))
    assert len(differences(weights(stock), weights(whole))) > 10
    cfg = config('resumed')
    cfg.load_from, cfg.resume = str(tmp_path / 'whole/epoch_1.pth'), True
    resumed, _, rest = trained_detector(cfg)
    assert differences(weights(whole), weights(resumed)) == {}
    assert torch.equal(torch.cat(images[2:]), torch.cat(rest))


def trained_detector(cfg: Config) -> tuple[Runner, None, list[Tensor]]:
    runner = Runner.from_cfg(cfg)
    images: list[Tensor] = []
    (made,) = (one for one in runner.hooks if isinstance(one, DistillationHook))
    _note_batches(made._unlabelled, images)
    runner.train()
    return runner, None, images
