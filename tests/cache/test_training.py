"""Training from a cache against training beside the teacher, on the same images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.cache.files import CHECKSUM, safetensors
from ckd_mm.cache.replay import Replay
from ckd_mm.cache.store import Cache
from ckd_mm.commands.fill_cache import cache_teacher
from ckd_mm.teachers import zoo

from ..tasks import differences, weights
from .conftest import TERMS, Make
from .test_calibration import CALIBRATE

pytestmark = pytest.mark.slow

EPOCHS = 3  # one more than are cached

Train = Callable[[Config], Runner]


def curve(runner: Runner) -> dict[str, list[float]]:
    """Everything that was logged but times, iteration by iteration."""
    return {
        key: [float(value) for value in history.data[0]]
        for key, history in runner.message_hub.log_scalars.items()
        if 'time' not in key
    }


def weightless(terms: dict[str, Any]) -> dict[str, Any]:
    return {
        name: dict(term, loss=dict(term['loss'], loss_weight=0.0))
        for name, term in terms.items()
    }


@pytest.fixture(scope='module')
def beside_teacher(make: Make, run: Train, tmp_path_factory: Any) -> Runner:
    """The teacher itself, on the images that the cache has."""
    folder = tmp_path_factory.mktemp('beside')
    return run(make(folder, 'itself', replayed=2, epochs=EPOCHS))


@pytest.mark.parametrize('workers', [0, 2])
def test_the_run_is_bit_for_bit_that_beside_the_teacher(
    make: Make,
    run: Train,
    exact: Path,
    beside_teacher: Runner,
    workers: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zoo, 'build_teacher', None)  # none is built
    cached = run(make(tmp_path, dict(cache=str(exact)), epochs=EPOCHS, workers=workers))
    assert curve(cached) == curve(beside_teacher)
    assert differences(weights(cached), weights(beside_teacher)) == {}
    assert not isinstance(cached.train_dataloader.dataset, Replay)


def test_channels_that_are_left_out_are_those_of_the_cache(
    make: Make, run: Train, exact: Path, tmp_path: Path
) -> None:
    fitnet = dict(on='backbone', loss=dict(type='FitNetLoss'))
    runner = run(make(tmp_path, dict(cache=str(exact)), dict(fitnet=fitnet)))
    assert runner.message_hub.get_scalar('train/loss_fitnet').current() > 0


def test_other_augmentations_give_another_run(
    make: Make, run: Train, beside_teacher: Runner, tmp_path: Path
) -> None:
    """What the test above would not notice if nothing were random."""
    stock = run(make(tmp_path, 'itself', epochs=EPOCHS))
    assert curve(stock)['train/loss_kd'] != curve(beside_teacher)['train/loss_kd']


def test_half_precision_is_close(
    make: Make, run: Train, beside_teacher: Runner, tmp_path: Path
) -> None:
    cache_teacher(make(tmp_path, 'itself'), tmp_path / 'half', epochs=2)
    cached = run(make(tmp_path, dict(cache=str(tmp_path / 'half')), epochs=EPOCHS))
    for key, values in curve(beside_teacher).items():
        if 'loss' in key:
            assert curve(cached)[key][0] == pytest.approx(values[0], rel=1e-3), key
            assert curve(cached)[key] == pytest.approx(values, rel=5e-2), key
    assert differences(weights(cached), weights(beside_teacher)) != {}


@pytest.mark.parametrize('options', [{}, dict(calibrate=CALIBRATE)])
def test_weight_zero_trains_bit_for_bit_as_the_stock_run_on_the_same_images(
    make: Make, run: Train, exact: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    stock = run(make(tmp_path / 'stock', replayed=2, epochs=EPOCHS))
    teacher = dict(cache=str(exact), **options)
    zero = run(make(tmp_path / 'zero', teacher, terms=weightless(TERMS), epochs=EPOCHS))
    assert differences(weights(stock), weights(zero)) == {}


def test_a_resumed_run_is_the_uninterrupted_one(
    make: Make, run: Train, exact: Path, beside_teacher: Runner, tmp_path: Path
) -> None:
    """Without seeding at each epoch: the images need none."""
    cfg = make(tmp_path, dict(cache=str(exact)), epochs=EPOCHS)
    resumed = run(resuming(cfg, beside_teacher))
    assert differences(weights(resumed), weights(beside_teacher)) == {}


def test_a_resumed_run_with_labels_in_place_of_rows_is_the_uninterrupted_one(
    make: Make, run: Train, exact: Path, beside_teacher: Runner, tmp_path: Path
) -> None:
    teacher = dict(cache=str(exact), calibrate=CALIBRATE)
    whole = run(make(tmp_path / 'whole', teacher, epochs=EPOCHS))
    resumed = run(resuming(make(tmp_path, teacher, epochs=EPOCHS), whole))
    assert differences(weights(resumed), weights(whole)) == {}
    assert differences(weights(resumed), weights(beside_teacher)) != {}


def resuming(cfg: Config, whole: Runner) -> Config:
    """It, after the first epoch of another run."""
    cfg.load_from, cfg.resume = str(Path(whole.work_dir) / 'epoch_1.pth'), True
    return cfg


def test_a_cache_and_a_teacher_are_averaged(
    make: Make, run: Train, exact: Path, beside_teacher: Runner, tmp_path: Path
) -> None:
    """With the same teacher twice, the average is what it says."""
    beside = beside_teacher.cfg.custom_hooks[0].teacher
    both = run(
        make(tmp_path, [dict(cache=str(exact)), beside], terms=TERMS, epochs=EPOCHS)
    )
    found, expected = curve(both), curve(beside_teacher)
    assert found['train/loss_kd'] == pytest.approx(expected['train/loss_kd'], rel=1e-3)


def test_nothing_is_left_after_an_error(
    make: Make, run: Train, exact: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    runner = Runner.from_cfg(make(tmp_path, dict(cache=str(exact)), workers=2))
    monkeypatch.setattr(runner.model.head, 'loss', None)
    with pytest.raises(TypeError):
        runner.train()
    assert not isinstance(runner.train_dataloader.dataset, Replay)
    assert not runner.model._forward_hooks


def test_each_image_of_several_parts_has_a_row_of_its_own(
    make: Make, run: Train, tmp_path: Path
) -> None:
    def of_two_parts(work_dir: Path, teacher: Any) -> Config:
        terms = dict(kd=dict(on='logits', loss=dict(type='KDLoss')))
        cfg = make(work_dir, teacher, terms=terms)
        part = cfg.train_dataloader.dataset.to_dict()
        parts = [dict(part, indices=[*range(n, n + 12)]) for n in (0, 50)]
        cfg.train_dataloader.dataset = dict(
            type='mmengine.ConcatDataset', datasets=parts
        )
        cfg.train_dataloader.batch_size = 8
        return cfg

    made = cache_teacher(of_two_parts(tmp_path / 'fill', 'itself'), tmp_path / 'cache')
    assert made.manifest['data']['samples'] == 24
    rows = made.read(
        ['logits'],
        [(0, index, checksum) for index, checksum in enumerate(checksums(made))],
        torch.device('cpu'),
    )['logits']
    assert isinstance(rows, torch.Tensor)
    assert len(rows.unique(dim=0)) == 24
    teacher = dict(cache=str(tmp_path / 'cache'))
    run(of_two_parts(tmp_path / 'run', teacher))  # checks each image


def checksums(cache: Cache) -> list[int]:
    (shard,) = cache.manifest['shards'][0]
    with safetensors().safe_open(cache.folder / shard['file'], 'pt') as file:
        return file.get_tensor(CHECKSUM).tolist()


def test_a_cached_teacher_in_another_order(
    make: Make, run: Train, exact: Path, beside_teacher: Runner, tmp_path: Path
) -> None:
    """Its names go by the order of the cached columns."""
    names = ['3', *'012', *'456789']
    cached = dict(cache=str(exact), classes=names)
    beside = dict(make(tmp_path, 'itself').custom_hooks[0].teacher, classes=names)
    found = run(make(tmp_path / 'cached', cached, epochs=EPOCHS))
    expected = run(make(tmp_path / 'beside', beside, replayed=2, epochs=EPOCHS))
    assert curve(found) == curve(expected)
    assert differences(weights(found), weights(expected)) == {}
    other = curve(beside_teacher)['train/loss_kd']
    assert curve(found)['train/loss_kd'] != other


def test_a_cached_teacher_of_more_classes(
    make: Make, run: Train, exact: Path, tmp_path: Path
) -> None:
    """A student of seven digits learns from the cache of a teacher of ten words."""
    names = [*'0123456', 'seven', 'eight', 'nine']
    cached = dict(cache=str(exact), classes=names, class_map={})
    kd = dict(kd=TERMS['kd'])
    found = run(make(tmp_path, cached, kd, epochs=1))
    assert curve(found)['train/loss_kd']
