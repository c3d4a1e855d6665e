"""Real, small models and data that the tests share: digits, detector, classifier."""

from __future__ import annotations

import copy
import functools
import gc
import importlib
import itertools
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
import torch.distributed.fsdp
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner
from yapf.yapflib import yapf_api

from ckd_mm.datasets.digits import write_digit_images, write_digit_scenes

from .tasks import TASKS, Task

collect_ignore = ['plugin']  # somebody else's files, which a config imports
NUM_IMAGES = 8
BATCH_SIZE = 4
EVERY = 4  # of the digits, so that an epoch of the classifier has 5 small batches
_run_numbers = itertools.count()

# Tiny models gain nothing from a second thread, and threads that wait for each other
# slow everything down tenfold when the machine has other work. For the tests'
# subprocesses too.
os.environ['OMP_NUM_THREADS'] = '1'
torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that all processes end at one time."""
    slow = {item.path for item in items if item.get_closest_marker('slow')}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope='session', autouse=True)
def _without_yapf() -> Iterator[None]:
    """It lays out each run's config about six times, a third of a test that trains."""

    def unchanged(text: str, **_: Any) -> tuple[str, bool]:
        return text, False

    # Imported above, so in the process that starts the others: yapf writes its grammar
    # into the user's cache, and of two that do one may read half a file.
    with mock.patch.object(yapf_api, 'FormatCode', unchanged):
        yield


@pytest.fixture(scope='session', autouse=True)
def _without_tf32() -> Iterator[None]:
    """On a GPU, convolutions in TF32 differ by more than the tests allow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.backends.cudnn, 'allow_tf32', False)
        yield


@pytest.fixture(scope='session')
def digit_scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('data') / 'scenes'
    write_digit_scenes(root, num_train=NUM_IMAGES, num_val=4)
    return root


@pytest.fixture(scope='module', autouse=True)
def logs() -> None:
    """Tools that a test ran in this process may have switched logging off."""
    logging.disable(logging.NOTSET)


@pytest.fixture(scope='session')
def digit_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fourth of them, as evenly from all classes as they are."""
    root = tmp_path_factory.mktemp('data') / 'images'
    write_digit_images(root)
    for number, image in enumerate(sorted(root.glob('*/*/*.png'))):
        if number % EVERY:
            image.unlink()
    return root


@pytest.fixture(scope='session')
def imported() -> None:
    """All packages, exempt from the search for garbage that each data set begins."""
    for package in ('mmdet', 'mmpretrain'):
        importlib.import_module(f'{package}.models')
        importlib.import_module(f'{package}.engine')
    gc.freeze()


@pytest.fixture(scope='session')
def fsdp2() -> None:
    """Skips what needs it where PyTorch has no FSDP2."""
    if not hasattr(torch.distributed.fsdp, 'fully_shard'):
        pytest.skip('fully_shard needs PyTorch 2.6')


@pytest.fixture
def one_rank(fsdp2: None) -> Iterator[None]:
    """A process group of this process alone."""
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group('gloo', store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.fixture(scope='session')
def zoo_config(imported: None) -> Callable[[str], Config]:
    """A copy of a config of the zoo, each of which is read once."""
    read = functools.cache(get_config)
    return lambda name: copy.deepcopy(read(name))


@pytest.fixture(scope='session')
def detector_config(
    digit_scenes: Path, zoo_config: Callable[[str], Config]
) -> Callable[..., Config]:
    """A stock Faster R-CNN, narrow, on 96x96 digit scenes: 2 iterations an epoch."""

    def make(work_dir: Path, width: int = 8, epochs: int = 1, **changes: Any) -> Config:
        cfg = zoo_config('mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py')
        cfg.model = narrow_faster_rcnn(cfg.model, width)
        image = dict(type='Resize', scale=(96, 96), keep_ratio=True)
        train = [
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True),
            image,
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackDetInputs'),
        ]
        meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')
        test = [
            dict(type='LoadImageFromFile'),
            image,
            dict(type='LoadAnnotations', with_bbox=True),
            dict(type='PackDetInputs', meta_keys=meta_keys),
        ]
        metainfo = dict(classes=tuple(str(digit) for digit in range(10)))
        for loader, split, pipeline in (
            ('train_dataloader', 'train', train),
            ('val_dataloader', 'val', test),
            ('test_dataloader', 'val', test),
        ):
            cfg[loader].update(
                batch_size=BATCH_SIZE, num_workers=0, persistent_workers=False
            )
            cfg[loader].dataset.update(
                data_root=f'{digit_scenes}/',
                ann_file=f'annotations/{split}.json',
                data_prefix=dict(img=f'{split}/'),
                metainfo=metainfo,
                pipeline=pipeline,
            )
        for evaluator in ('val_evaluator', 'test_evaluator'):
            cfg[evaluator].ann_file = str(digit_scenes / 'annotations/val.json')
        return finished(cfg, work_dir, epochs, changes)

    return make


@pytest.fixture(scope='session')
def classifier_config(
    digit_images: Path, zoo_config: Callable[[str], Config]
) -> Callable[..., Config]:
    """A stock ResNet-18, narrow, on 16x16 digits: 5 iterations an epoch."""

    def make(work_dir: Path, width: int = 8, epochs: int = 1, **changes: Any) -> Config:
        cfg = zoo_config('mmpretrain::resnet/resnet18_8xb16_cifar10.py')
        cfg.model.backbone.update(base_channels=width, stem_channels=width)
        cfg.model.head.in_channels = 8 * width
        cfg.data_preprocessor = dict(mean=[33.0] * 3, std=[80.0] * 3, num_classes=10)
        pipeline = [
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=16),
            dict(type='PackInputs'),
        ]
        for loader, split in (
            ('train_dataloader', 'train'),
            ('val_dataloader', 'val'),
            ('test_dataloader', 'val'),
        ):
            cfg[loader].update(batch_size=64, num_workers=0, persistent_workers=False)
            cfg[loader].dataset = dict(
                type='CustomDataset',
                data_root=str(digit_images),
                data_prefix=split,
                pipeline=pipeline,
            )
        return finished(cfg, work_dir, epochs, changes)

    return make


@pytest.fixture(scope='session')
def teacher_of(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Config], dict[str, Any]]:
    """A `teacher=` of the hook: a config file and seeded random weights beside it."""

    def make(cfg: Config) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp('teacher')
        cfg.dump(folder / 'teacher.py')
        torch.manual_seed(1)
        model = stock_model(cfg)
        model.init_weights()
        torch.save({'state_dict': model.state_dict()}, folder / 'teacher.pth')
        return dict(
            config=str(folder / 'teacher.py'), checkpoint=str(folder / 'teacher.pth')
        )

    return make


@pytest.fixture(scope='session')
def detector_teacher(
    detector_config: Callable[..., Config],
    teacher_of: Callable[[Config], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    return teacher_of(detector_config(tmp_path_factory.mktemp('unused'), width=16))


@pytest.fixture(scope='session')
def classifier_teacher(
    classifier_config: Callable[..., Config],
    teacher_of: Callable[[Config], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    return teacher_of(classifier_config(tmp_path_factory.mktemp('unused'), width=16))


@pytest.fixture(scope='session')
def run() -> Callable[[Config], Runner]:
    """Train a config with the stock runner and return the runner."""

    def train(cfg: Config) -> Runner:
        runner = Runner.from_cfg(cfg)
        runner.train()
        return runner

    return train


@pytest.fixture(scope='module', params=TASKS)
def task(request: pytest.FixtureRequest) -> Task:
    return Task(request, request.param)


def narrow_faster_rcnn(model: Any, width: int) -> Any:
    model.backbone.update(
        depth=18,
        base_channels=width,
        stem_channels=width,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=None,
    )
    model.neck.update(
        in_channels=[width * 2**i for i in range(4)], out_channels=4 * width
    )
    model.rpn_head.update(in_channels=4 * width, feat_channels=4 * width)
    model.rpn_head.anchor_generator.scales = [4]
    model.roi_head.bbox_roi_extractor.out_channels = 4 * width
    model.roi_head.bbox_head.update(
        in_channels=4 * width, fc_out_channels=8 * width, num_classes=10
    )
    model.train_cfg.rcnn.sampler.num = 32
    model.train_cfg.rpn_proposal.update(nms_pre=200, max_per_img=100)
    return model


def finished(
    cfg: Config, work_dir: Path, epochs: int, changes: dict[str, Any]
) -> Config:
    """What both kinds of config get: short training, a seed, hooks from `changes`."""
    cfg.work_dir = str(work_dir)
    cfg.train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=100)
    cfg.randomness = dict(seed=0)
    cfg.default_hooks.logger.interval = 1
    # Runs of one name would share their message hub and visualizer. The name of the
    # visualizer in MMDetection's configs is the same for all runs of a process.
    cfg.experiment_name = f'run{next(_run_numbers)}'
    cfg.visualizer.name = cfg.experiment_name
    cfg.custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
    cfg.merge_from_dict(changes)
    return cfg


def stock_model(cfg: Config) -> BaseModel:
    model = cfg.model
    if cfg.get('data_preprocessor') is not None:
        model.setdefault('data_preprocessor', cfg.data_preprocessor)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        return MODELS.build(model)
