"""Random data and weights, so that a config can train without what it names."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import MODELS, DefaultScope
from PIL import Image

from ..cifar import not_the_published_files, write_cifar100
from .small import capped_sizes

ROOT = Path(__file__).parents[2]
collect_ignore = ['frozen']  # configs, not modules
NAMES = ('0.png', '1.png')
SIZE = 64  # pixels, of the images as they are and as the models get them
LARGE_SIZE = 128  # 300 queries are of as many places; deformable kernels need 3 x 3
LARGEST_SIZE = 224  # DINO chooses 900 queries of places; Swin has windows of 7 x 7


@pytest.fixture(scope='module')
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """A checkpoint with random weights for the config of a teacher, written once."""
    folder = tmp_path_factory.mktemp('teachers')

    @functools.cache
    def write(config: str) -> str:
        cfg = get_config(config) if '::' in config else Config.fromfile(ROOT / config)
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            weights = MODELS.build(cfg.model).state_dict()
        for value in weights.values():  # some are what was in memory: `level_embed`
            if value.is_floating_point():
                value[~(value.abs() < 1e3)] = 0
        checkpoint = folder / f'{len(list(folder.iterdir()))}.pth'
        torch.save({'state_dict': weights}, checkpoint)
        return str(checkpoint)

    return write


@pytest.fixture(scope='module')
def random_data(
    imported: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Config], None]]:
    """Points a config at two random images, with boxes and masks or labels."""
    folder = tmp_path_factory.mktemp('data')
    rng = np.random.default_rng(0)
    for kind, shape in (('images', (SIZE, SIZE, 3)), ('maps', (SIZE, SIZE))):
        (folder / kind).mkdir()
        for name in NAMES:
            pixels = rng.integers(0, 256 if kind == 'images' else 10, shape)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / name)
    (folder / 'labels.txt').write_text('0.png 0\n1.png 1\n')
    write_cifar100(
        folder, 'train', rng.integers(0, 256, (2, 3, 32, 32), dtype=np.uint8), [0, 99]
    )

    def point(cfg: Config) -> None:
        dataset = cfg.train_dataloader.dataset
        for part in dataset.get('datasets', [dataset.get('dataset', dataset)]):
            point_part(part)
        for hook in cfg.get('custom_hooks', []):
            if 'unlabelled' in hook:
                point_loader(hook.unlabelled.dataloader)
        is_large = 'num_queries' in cfg.model or 'dconv' in str(cfg.get('custom_hooks'))
        size = LARGE_SIZE if is_large else SIZE
        has_windows = 'mmpretrain::swin' in str(cfg.get('custom_hooks'))
        if has_windows or cfg.model.get('num_queries', 0) > 300:
            size = LARGEST_SIZE
        cfg.merge_from_dict(capped_sizes(cfg, size))

    def point_loader(loader: Any) -> None:
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset.update(data_root=str(folder), data_prefix=dict(img='images/'))
        loader.dataset.pop('indices', None)

    def point_part(dataset: Any) -> None:
        dataset.data_root = str(folder)
        dataset.pop('indices', None)
        if dataset.type == 'CocoDataset':
            from mmdet.datasets import CocoDataset

            metainfo = dataset.get('metainfo', CocoDataset.METAINFO)
            dataset.ann_file = _write_boxes(folder, metainfo['classes'])
            dataset.data_prefix = dict(img='images/', seg='maps/')
        elif dataset.type != 'CIFAR100':
            dataset.ann_file = 'labels.txt'
            dataset.data_prefix = 'images'

    with not_the_published_files():
        yield point


def _write_boxes(folder: Path, classes: tuple[str, ...]) -> str:
    boxes = [[4, 4, 40, 36], [20, 24, 36, 36]]  # x, y, width, height
    content = dict(
        images=[
            dict(id=index, file_name=name, width=SIZE, height=SIZE)
            for index, name in enumerate(NAMES)
        ],
        categories=[dict(id=index, name=name) for index, name in enumerate(classes)],
        annotations=[
            dict(
                id=len(boxes) * image + index,
                image_id=image,
                category_id=index,
                bbox=box,
                segmentation=[_outline(*box)],
                area=box[2] * box[3],
                iscrowd=0,
            )
            for image in range(len(NAMES))
            for index, box in enumerate(boxes)
        ],
    )
    file = folder / f'boxes_{len(classes)}.json'
    file.write_text(json.dumps(content))
    return file.name


def _outline(x: int, y: int, width: int, height: int) -> list[int]:
    return [x, y, x + width, y, x + width, y + height, x, y + height]
