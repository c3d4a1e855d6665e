"""Feature maps of a teacher from another library, and of a detector, from a cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.cache.files import CHECKSUM, SCALES, safetensors
from ckd_mm.cache.int8 import quantised, restored
from ckd_mm.cache.shards import stored_rows
from ckd_mm.cache.store import Cache
from ckd_mm.commands.fill_cache import cache_teacher
from ckd_mm.teachers.foreign import kind

from ..tasks import differences, weights
from .conftest import PART, Make

Train = Callable[[Config], Runner]


@pytest.mark.slow
def test_the_run_is_bit_for_bit_that_beside_the_teacher(
    make_maps: Make, run: Train, exact_maps: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    """With images of two sizes, whose padding the teacher has seen as marked."""
    beside = run(make_maps(tmp_path / 'beside', replayed=2))
    monkeypatch.setattr(kind.ForeignTeacher, 'build', None)  # none is built
    cached = run(make_maps(tmp_path / 'cached', dict(cache=str(exact_maps))))
    assert sizes_of(cached) == {(96, 96), (64, 64)}
    assert losses(cached) == losses(beside)
    assert differences(weights(cached), weights(beside)) == {}


def sizes_of(runner: Runner) -> set[tuple[int, int]]:
    samples = [runner.train_dataloader.dataset[number] for number in range(8)]
    return {tuple(one['data_samples'].img_shape) for one in samples}


def losses(runner: Runner) -> dict[str, list[float]]:
    return {
        key: history.data[0].tolist()
        for key, history in runner.message_hub.log_scalars.items()
        if 'loss' in key
    }


@pytest.mark.slow
def test_levels_of_a_detectors_neck(
    make_maps: Make, run: Train, detector_teacher: dict[str, Any], tmp_path: Path
) -> None:
    made = cache_teacher(
        make_maps(tmp_path / 'fill', detector_teacher, 'neck'),
        tmp_path / 'cache',
        dtype='float32',
    )
    assert made.manifest['parts'] == dict(neck=5)
    beside = run(make_maps(tmp_path / 'beside', detector_teacher, 'neck', replayed=1))
    cached = run(make_maps(tmp_path / 'cached', dict(cache=str(made.folder)), 'neck'))
    assert losses(cached) == losses(beside)


@pytest.mark.parametrize(
    ('dtype', 'size', 'error'), [('float16', 2, 1e-3), ('int8', 1, 8e-3)]
)
def test_compact_formats_are_close(
    make_maps: Make,
    exact_maps: Path,
    tmp_path: Path,
    dtype: str,
    size: int,
    error: float,
) -> None:
    made = cache_teacher(make_maps(tmp_path / 'w'), tmp_path / 'cache', dtype=dtype)
    found, expected = everything(made), everything(Cache(exact_maps))
    assert found.dtype == torch.float32 and found.shape == (8, 24, 6, 8)
    largest = expected.abs().amax((2, 3), keepdim=True)
    assert 0 < ((found - expected).abs() / largest).max() < error
    tensors = stored(made)
    assert tensors[PART].element_size() == size
    assert made.num_bytes < 1.3 * size * found.numel() + 1000
    if dtype == 'int8':
        assert tensors[f'{SCALES}{PART}'].shape == (8, 24, 1, 1)


def everything(cache: Cache) -> Tensor:
    """The maps of the first epoch."""
    sums = stored(cache)[CHECKSUM].tolist()
    notes = [(0, number, checksum) for number, checksum in enumerate(sums)]
    found = cache.read([PART], notes, torch.device('cpu'))[PART]
    assert isinstance(found, Tensor)
    return found


def stored(cache: Cache) -> dict[str, Tensor]:
    (shard,) = cache.manifest['shards'][0]
    return safetensors().torch.load_file(cache.folder / shard['file'])


@pytest.mark.parametrize(
    ('shape', 'scales'),
    [((2, 3, 4, 5), (2, 3, 1, 1)), ((2, 7, 3), (2, 1, 3)), ((2, 9), (2, 1))],
)
def test_an_error_of_int8_is_half_a_step_of_the_channel(
    shape: tuple[int, ...], scales: tuple[int, ...]
) -> None:
    rows = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    rows[0] *= 1000
    rows[1].flatten()[0] = 0.0
    values, found = quantised(rows)
    assert values.dtype == torch.int8 and found.shape == scales
    assert ((restored(values, found) - rows).abs() <= 0.5001 * found).all()
    zeros = quantised(torch.zeros(shape))
    assert torch.equal(restored(*zeros), torch.zeros(shape))


def test_a_value_that_is_not_finite_is_not_stored_in_int8() -> None:
    with pytest.raises(ValueError, match="values of 'neck' .* torch.int8 cannot hold"):
        stored_rows({'neck': torch.full((1, 2, 2, 2), torch.nan)}, torch.int8)
