"""The same images, whoever asks for them and when."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ckd_mm.cache.replay import KEY, Replay
from ckd_mm.random_state import seeded_random_state

from .conftest import Make


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), torch.rand(()).item()


@pytest.fixture
def dataset(make: Make, tmp_path: Path) -> Any:
    loader = make(tmp_path).train_dataloader
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return Runner.build_dataloader(loader, seed=0).dataset


def images(replay: Replay, indices: list[int], workers: int = 0) -> dict[int, Any]:
    loader = DataLoader(replay, batch_size=None, sampler=indices, num_workers=workers)
    items = list(loader)
    return dict(zip(indices, [item['inputs'] for item in items], strict=True))


def test_random_numbers_depend_on_the_given_ones_alone() -> None:
    def drawn(*numbers: int) -> tuple[float, float, float]:
        with seeded_random_state(*numbers):
            return draws()

    first = drawn(0, 1, 2)
    draws()
    assert drawn(0, 1, 2) == first
    for other in ((1, 1, 2), (0, 2, 1), (0, 1, 3)):
        assert all(a != b for a, b in zip(drawn(*other), first, strict=True))


def test_seeding_leaves_the_states_alone_also_on_errors() -> None:
    expected = [random.getstate(), torch.get_rng_state().tolist()]
    numpy_state = np.random.get_state()[1]  # type: ignore[index]
    with pytest.raises(RuntimeError), seeded_random_state(3):
        draws()
        raise RuntimeError
    assert [random.getstate(), torch.get_rng_state().tolist()] == expected
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # type: ignore[index]


@pytest.mark.parametrize('workers', [0, 2])
def test_an_image_is_the_same_in_any_order_and_process(
    dataset: Any, workers: int
) -> None:
    indices = list(range(0, 300, 15))
    expected = images(Replay(dataset, epochs=1), indices)
    draws()
    found = images(Replay(dataset, epochs=1), indices[::-1], workers)
    for index in indices:
        assert torch.equal(found[index], expected[index]), index


def test_each_epoch_has_its_own_images_until_they_come_again(dataset: Any) -> None:
    replay = Replay(dataset, epochs=2)
    found = []
    for epoch in range(4):
        replay.start(epoch)
        found.append([replay[index]['inputs'] for index in range(8)])
    for first, second, third in zip(*found[:3], strict=True):
        assert torch.equal(first, third)
        assert not torch.equal(first, second)
    assert all(map(torch.equal, found[1], found[3]))


def test_workers_that_live_on_see_the_new_epoch(dataset: Any) -> None:
    replay = Replay(dataset, epochs=3)
    loader = DataLoader(
        replay,
        batch_size=None,
        sampler=range(4),
        num_workers=2,
        persistent_workers=True,
    )
    for epoch in range(3):
        replay.start(epoch)
        notes = [item['data_samples'].get(KEY) for item in loader]
        assert [note[0] for note in notes] == [epoch] * 4
        assert notes == [replay[i]['data_samples'].get(KEY) for i in range(4)]


def test_another_seed_makes_other_images(dataset: Any) -> None:
    first, second = (images(Replay(dataset, 1, seed), [0, 1, 2]) for seed in (0, 1))
    assert not any(torch.equal(first[index], second[index]) for index in first)


def test_the_random_states_of_the_run_are_left_alone(dataset: Any) -> None:
    torch.manual_seed(0)
    expected = draws()[2]
    torch.manual_seed(0)
    Replay(dataset, epochs=1)[0]
    assert draws()[2] == expected


def test_it_stands_for_the_data_set(dataset: Any) -> None:
    replay = Replay(dataset, epochs=1)
    assert len(replay) == len(dataset)
    assert replay.metainfo == dataset.metainfo
    assert not hasattr(replay, '__getitems__')
    replay.pipeline = dataset.pipeline.transforms[:1]
    assert dataset.pipeline == replay.pipeline


@pytest.mark.parametrize(
    ('options', 'error'),
    [
        (dict(epochs=0), 'epochs must be a number >= 1, got 0'),
        (dict(epochs=True), 'epochs must be a number >= 1, got True'),
        (dict(epochs=1, seed=-1), 'seed must be a number >= 0, got -1'),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        Replay([], **options)


def by_iterations(cfg: Config) -> None:
    cfg.train_cfg = dict(by_epoch=False, max_iters=2)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler')


def repeats(cfg: Config) -> None:
    cfg.train_dataloader.sampler = dict(type='RepeatAugSampler')


def twice(cfg: Config) -> None:
    cfg.custom_hooks *= 2


def two_views(cfg: Config) -> None:
    pipeline = cfg.train_dataloader.dataset.pipeline
    views = dict(type='MultiView', num_views=2, transforms=[pipeline[1:3]])
    cfg.train_dataloader.dataset.pipeline = [pipeline[0], views, pipeline[3]]
    cfg.train_dataloader.collate_fn = dict(type='pseudo_collate')


@pytest.mark.parametrize(
    ('change', 'error'),
    [
        (by_iterations, 'this run counts iterations .IterBasedTrainLoop'),
        (repeats, 'RepeatAugSampler draws a sample several times'),
        (twice, 'are replayed already'),
        (two_views, 'one image of a sample can be replayed, got inputs of type list'),
    ],
)
def test_what_cannot_be_replayed_is_refused(
    make: Make,
    run: Callable[[Config], Runner],
    change: Callable[[Config], None],
    error: str,
    tmp_path: Path,
) -> None:
    cfg = make(tmp_path, replayed=1)
    change(cfg)
    with pytest.raises(ValueError, match=error):
        run(cfg)


class Epochs(Hook):
    """Notes the replayed epoch of each batch; raises in the first if told to."""

    def __init__(self) -> None:
        self.found: list[int] = []
        self.raises = True

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        if self.raises:
            raise RuntimeError('before the first step')
        epoch, *_ = data_batch['data_samples'][0].get(KEY)
        self.found.append(epoch)


@pytest.mark.slow
def test_a_run_that_has_raised_can_be_run_again(make: Make, tmp_path: Path) -> None:
    """With workers that outlive the error, and know the data set of that time."""
    runner = Runner.from_cfg(make(tmp_path, replayed=2, workers=2, epochs=3))
    epochs = Epochs()
    runner.register_hook(epochs)
    with pytest.raises(RuntimeError, match='before the first step'):
        runner.train()
    epochs.raises = False
    runner.train()
    assert epochs.found == 5 * [0] + 5 * [1] + 5 * [0]
    assert not isinstance(runner.train_dataloader.dataset, Replay)
