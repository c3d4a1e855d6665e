"""What counts as the same data, and what an error says of others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.cache.identity import data_identity, difference, weights_hash

from .conftest import Make


@pytest.fixture
def identity(
    make: Make, tmp_path: Path
) -> Callable[[Callable[[Config], Any] | None], dict[str, Any]]:
    """Of the training data, after a change of the config."""

    def of(change: Callable[[Config], Any] | None = None) -> dict[str, Any]:
        cfg = make(tmp_path)
        cfg.train_dataloader.dataset.pop('indices')
        if change is not None:
            change(cfg.train_dataloader.dataset)
        return data_identity(Runner.from_cfg(cfg))

    return of


@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        (
            lambda data: data.pipeline[2].update(prob=0.7),
            'dataset.pipeline[2].prob: 0.5 in the cache, 0.7 here',
        ),
        (
            lambda data: data.pipeline[1].update(interpolation='bicubic'),
            "dataset.pipeline[1].interpolation: 'nothing' in the cache, 'bicubic' here",
        ),
        (lambda data: data.pipeline.pop(2), 'dataset.pipeline: '),
        (lambda data: data.update(indices=100), "dataset.indices: 'nothing' in the"),
        (lambda data: data.update(data_prefix='val'), 'samples: 1201 in the cache, '),
    ],
    ids=['option', 'new option', 'transform', 'subset', 'split'],
)
def test_what_differs_is_named(
    identity: Any, change: Callable[[Config], Any], expected: str
) -> None:
    assert difference(identity(), identity(change)).startswith(expected)


def test_data_that_were_moved_are_the_same(
    identity: Any, all_digits: Path, tmp_path: Path
) -> None:
    shutil.copytree(all_digits, tmp_path / 'moved')
    expected = identity()
    moved = identity(lambda data: data.update(data_root=str(tmp_path / 'moved')))
    assert difference(expected, moved) == ''
    file = next((tmp_path / 'moved/train').rglob('*.png'))
    file.rename(file.with_name('renamed.png'))
    renamed = identity(lambda data: data.update(data_root=str(tmp_path / 'moved')))
    assert difference(expected, renamed).startswith('files: ')


def test_images_in_memory_are_told_apart() -> None:
    class Images(list):
        def get_data_info(self, index: int) -> dict[str, Any]:
            return {'img': self[index].numpy()}

    class Fake:
        cfg = {'train_dataloader': {'dataset': {'type': 'CIFAR100'}}}
        model = None

        def __init__(self, images: Any) -> None:
            self.train_dataloader = self
            self.dataset = images

    images = Images(torch.arange(48, dtype=torch.uint8).reshape(4, 2, 2, 3))
    first = data_identity(Fake(images))
    other = Images(image.clone() for image in images)
    assert data_identity(Fake(other)) == first
    other[2] += 1
    assert data_identity(Fake(other)) != first
    with pytest.raises(ValueError, match=r'with get_data_info\(\), got list'):
        data_identity(Fake([1]))


def test_weights_of_any_type_and_shape_have_a_hash() -> None:
    model: Any = torch.nn.BatchNorm2d(3)  # a scalar integer among its buffers
    first = weights_hash(model)
    assert weights_hash(torch.nn.BatchNorm2d(3)) == first
    model.num_batches_tracked += 1
    assert weights_hash(model) != first
    assert weights_hash(model.bfloat16()) != first
