"""The number of an image in the whole training set, in any wrappers."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner
from torch import nn

from ckd_mm.engine.sample_index import SampleIndex
from ckd_mm.registry import LOSSES

from ..tasks import differences

Make = Callable[..., Config]


class Counts(nn.Module):
    """Keeps the numbers that it is given."""

    def __init__(self, num_samples: int = 1000) -> None:
        super().__init__()
        self.num_samples = num_samples
        self.seen: list[int] = []

    def forward(
        self, student: torch.Tensor, teacher: torch.Tensor, sample_index: torch.Tensor
    ) -> torch.Tensor:
        self.seen += sample_index.tolist()
        return student.sum() * 0.0


@pytest.fixture(autouse=True)
def _registered() -> Any:
    LOSSES.register_module(name='Counts', module=Counts)
    yield
    LOSSES.module_dict.pop('Counts')


@pytest.fixture
def part(classifier_config: Make, tmp_path: Path) -> Callable[[int], dict[str, Any]]:
    """The config of a data set of so many images."""

    def of(size: int) -> dict[str, Any]:
        dataset = classifier_config(tmp_path).train_dataloader.dataset
        type_ = f'mmpretrain.{dataset.type}'
        return dict(dataset.to_dict(), type=type_, indices=size)

    return of


def concat(*parts: Any) -> dict[str, Any]:
    return dict(type='mmengine.ConcatDataset', datasets=list(parts))


def wrapped(kind: str, part: Callable[[int], dict[str, Any]]) -> tuple[Any, list[int]]:
    """A data set, and the number of the image at each of its places."""
    first, second = part(7), part(5)
    both = list(range(12))
    if kind == 'one':
        return first, list(range(7))
    if kind == 'concat':
        return concat(first, second), both
    if kind == 'nested concat':
        repeated = dict(type='RepeatDataset', times=2, dataset=first)
        return concat(repeated, concat(second, part(3))), [*range(7), *range(15)]
    if kind == 'repeat':
        dataset = dict(type='RepeatDataset', times=2, dataset=concat(first, second))
        return dataset, both * 2
    if kind == 'k fold':
        fold = dict(type='KFoldDataset', num_splits=5, dataset=part(10))
        return concat(fold, second), [*range(8), *range(8, 13)]
    if kind == 'image mix':
        inner = concat(first, second)
        return dict(type='mmdet.MultiImageMixDataset', pipeline=[], dataset=inner), both
    balanced = dict(type='ClassBalancedDataset', oversample_thr=1e-3, dataset=first)
    return concat(balanced, second), both


KINDS = (
    'one',
    'concat',
    'nested concat',
    'repeat',
    'k fold',
    'class balanced',
    'image mix',
)


def build(cfg: dict[str, Any]) -> Any:
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return DATASETS.build(cfg)


def numbers(dataset: Any) -> list[int]:
    return [dataset[i]['data_samples'].sample_idx for i in range(len(dataset))]


class _Runner:
    train_loop: Any = None

    def __init__(self, dataset: Any) -> None:
        self.train_dataloader = torch.utils.data.DataLoader(dataset)


@pytest.mark.parametrize('kind', KINDS)
def test_images_are_numbered_through_all_parts(
    kind: str, part: Callable[[int], dict[str, Any]]
) -> None:
    cfg, expected = wrapped(kind, part)
    dataset = build(cfg)
    before = numbers(dataset)
    runner: Any = _Runner(dataset)
    index = SampleIndex(dataset)
    index.attach(runner)
    assert numbers(dataset) == expected
    assert index.num_samples == 1 + max(expected)
    assert numbers(pickle.loads(pickle.dumps(dataset))) == expected  # workers
    index.detach(runner)
    assert numbers(dataset) == before
    assert (before == expected) == (kind == 'one')


def test_a_part_of_another_kind_is_refused(
    part: Callable[[int], dict[str, Any]],
) -> None:
    class Stranger(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 3

    known = build(part(4))
    SampleIndex(Stranger())  # its own numbers are all there are
    both: Any = torch.utils.data.ConcatDataset([known, Stranger()])
    with pytest.raises(ValueError, match='one of its data sets is a Stranger, whose'):
        SampleIndex(both)


def test_processes_that_load_parts_already_are_refused(
    part: Callable[[int], dict[str, Any]],
) -> None:
    """Old versions of MMEngine start them when they build the loop."""
    dataset = build(concat(part(3), part(3)))
    runner: Any = _Runner(dataset)
    runner.train_loop = SimpleNamespace(
        dataloader_iterator=SimpleNamespace(_iterator=SimpleNamespace(_workers=[]))
    )
    with pytest.raises(ValueError, match='have been started with other numbers; use'):
        SampleIndex(dataset).attach(runner)
    assert numbers(dataset) == [0, 1, 2, 0, 1, 2]


def test_a_part_that_is_there_twice_is_one(
    part: Callable[[int], dict[str, Any]],
) -> None:
    known: BaseDataset = build(part(4))
    index = SampleIndex(torch.utils.data.ConcatDataset([known, known]))
    assert index.num_samples == 4


def configured(
    make: Make,
    work_dir: Path,
    parts: Sequence[Any],
    teacher: Any,
    loss: dict[str, Any] | None = None,
    workers: int = 0,
) -> Config:
    hooks = []
    if loss is not None:
        term = dict(on='embedding', loss=loss)
        hooks = [
            dict(type='DistillationHook', teacher=teacher, distill=dict(count=term))
        ]
    cfg = make(work_dir, epochs=2, custom_hooks=hooks)
    cfg.train_dataloader.dataset = concat(*parts)
    cfg.train_dataloader.update(
        batch_size=6,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    return cfg


def is_numbered(runner: Runner) -> bool:
    parts = runner.train_dataloader.dataset.datasets
    return any('get_data_info' in vars(part) for part in parts)


@pytest.mark.parametrize('workers', [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_on_two_parts_has_a_number_for_each_image(
    workers: int,
    part: Callable[[int], dict[str, Any]],
    classifier_config: Make,
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    runners = []
    for loss in (None, dict(type='Counts')):
        cfg = configured(
            classifier_config,
            tmp_path / str(loss is None),
            [part(12), part(12)],
            classifier_teacher,
            loss,
            workers,
        )
        runner = Runner.from_cfg(cfg)
        runner.train()
        runners.append(runner)
    stock, distilled = runners
    (hook,) = [one for one in distilled.hooks if hasattr(one, 'terms')]
    seen = hook.terms[0].loss.seen
    assert sorted(seen) == sorted([*range(24)] * 2)
    assert not is_numbered(distilled)
    assert not differences(
        stock.model.state_dict(), distilled.model.state_dict()
    )  # the numbers cost no random number


def test_a_loss_without_room_for_all_images_is_refused_before_training(
    part: Callable[[int], dict[str, Any]],
    classifier_config: Make,
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    loss = dict(type='Counts', num_samples=12)
    cfg = configured(
        classifier_config, tmp_path, [part(12), part(12)], classifier_teacher, loss
    )
    runner = Runner.from_cfg(cfg)
    with pytest.raises(
        ValueError,
        match="term 'count': num_samples of Counts must be at least the number of "
        'training images, 24, got 12',
    ):
        runner.train()
    assert runner.iter == 0
    assert not is_numbered(runner)
