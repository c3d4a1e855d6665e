"""Shards, and rows read from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.cache import shards as shards_module
from ckd_mm.cache import store
from ckd_mm.cache.files import CHECKSUM, FORMAT
from ckd_mm.cache.shards import ShardWriter, num_levels
from ckd_mm.cache.store import Cache, Note

SAMPLES, BATCH = 23, 4
CPU = torch.device('cpu')


def rows(start: int, stop: int) -> dict[str, Tensor]:
    """Each sample's own number everywhere; two levels of maps."""
    number = torch.arange(start, stop, dtype=torch.float32)
    return {
        'logits': number[:, None].expand(-1, 3) + 0.1,
        'backbone/0': number[:, None, None].expand(-1, 2, 2),
        'backbone/1': -number[:, None],
        CHECKSUM: torch.arange(start, stop) + 2**31,
    }


def write(folder: Path, dtype: torch.dtype = torch.float32) -> list[dict[str, Any]]:
    writer = ShardWriter(folder, 0, dtype)
    for start in range(writer.num_rows, SAMPLES, BATCH):
        writer.add(rows(start, min(start + BATCH, SAMPLES)))
    writer.flush()
    return writer.shards


def manifest(shards: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    content = dict(
        format=FORMAT,
        complete=True,
        epochs=1,
        seed=0,
        dtype='float32',
        data=dict(samples=SAMPLES),
        teacher=dict(name='ImageClassifier', weights='0' * 64),
        versions=dict(numpy='2'),
        parts=dict(logits=None, backbone=2),
        shards=[shards],
    )
    return content | changes


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shards_module, 'SHARD_BYTES', 200)  # two batches
    shards = write(tmp_path)
    assert [shard['start'] for shard in shards] == [0, 8, 16]
    (tmp_path / 'cache.json').write_text(json.dumps(manifest(shards)))
    return tmp_path


def note(index: int, epoch: int = 0) -> Note:
    return epoch, index, index + 2**31


def test_rows_come_in_the_order_of_the_batch(folder: Path) -> None:
    indices = [22, 0, 7, 8, 15, 3, 16]
    found = Cache(folder).read(['logits', 'backbone'], [*map(note, indices)], CPU)
    expected = torch.cat([rows(i, i + 1)['logits'] for i in indices])
    assert isinstance(found['logits'], Tensor)
    assert torch.equal(found['logits'], expected)
    first, second = found['backbone']
    assert first.shape == (7, 2, 2)
    assert second[:, 0].tolist() == [-float(index) for index in indices]


def test_few_shards_stay_open(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, 'MOST_OPEN', 1)
    cache = Cache(folder)
    for _ in range(2):
        found = cache.read(['backbone'], [note(22), note(0), note(9)], CPU)['backbone']
        assert found[1][:, 0].tolist() == [-22.0, 0.0, -9.0]
        assert len(cache._open) <= 2


def test_only_what_is_asked_for_is_read(folder: Path) -> None:
    cache = Cache(folder)
    assert set(cache.read(['logits'], [note(0)], CPU)) == {'logits'}
    assert {name for _, name in cache._open} == {'logits', CHECKSUM}


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_read_as_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    shards = write(tmp_path, dtype)
    (tmp_path / 'cache.json').write_text(json.dumps(manifest(shards)))
    found = Cache(tmp_path).read(['logits'], [note(5)], CPU)['logits']
    assert isinstance(found, Tensor) and found.dtype == torch.float32
    assert torch.equal(found, rows(5, 6)['logits'].to(dtype).float())


def test_levels_are_counted(folder: Path) -> None:
    path = folder / 'epoch_0/000000000.safetensors'
    assert num_levels(path, 'backbone') == 2
    assert num_levels(path, 'logits') is None


@pytest.mark.parametrize('cut', [0, 10, 300])
def test_a_shard_that_is_cut_short_is_written_again(folder: Path, cut: int) -> None:
    path = folder / 'epoch_0/000000008.safetensors'
    whole = path.read_bytes()
    assert len(whole) > 300
    path.write_bytes(whole[:cut])
    with pytest.raises(ValueError, match=rf'should have {len(whole)} bytes and has'):
        Cache(folder)
    (path.parent / 'leftover.tmp').touch()
    writer = ShardWriter(folder, 0, torch.float32)
    assert writer.num_rows == 8  # of the shard before it
    assert [one.name for one in path.parent.iterdir()] == ['000000000.safetensors']
    write(folder)
    assert path.read_bytes() == whole
    Cache(folder)


def test_a_shard_that_is_missing_is_an_error(folder: Path) -> None:
    (folder / 'epoch_0/000000016.safetensors').unlink()
    with pytest.raises(ValueError, match='000000016.* bytes and is missing; run tools'):
        Cache(folder)


@pytest.mark.parametrize(
    ('notes', 'error'),
    [
        ([note(0), note(SAMPLES)], 'holds samples 0 to 22, the batch has 0 to 23'),
        ([note(0, epoch=1)], r'one epoch from 0 to 0, got \[1\]'),
        ([note(1), (0, 2, 5)], r'1 of 2 images .* first is sample 2 .*numpy'),
    ],
    ids=['another sample', 'another epoch', 'another image'],
)
def test_what_it_does_not_hold_is_an_error(
    folder: Path, notes: list[Note], error: str
) -> None:
    with pytest.raises(ValueError, match=error):
        Cache(folder).read(['logits'], notes, CPU)


@pytest.mark.parametrize(
    ('changes', 'error'),
    [
        (dict(complete=False), 'is not finished; run tools/cache_teacher.py again'),
        (dict(format=0), 'has format 0, expected 1'),
    ],
)
def test_a_cache_that_cannot_be_used_is_an_error(
    folder: Path, changes: dict[str, Any], error: str
) -> None:
    content = json.loads((folder / 'cache.json').read_text()) | changes
    (folder / 'cache.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=error):
        Cache(folder)


@pytest.mark.parametrize('content', [None, '', '{"format"'])
def test_a_folder_without_a_readable_manifest_is_no_cache(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / 'cache.json').write_text(content)
    with pytest.raises(ValueError, match='is no cache of a teacher'):
        Cache(tmp_path)


def test_a_part_that_it_lacks_is_an_error(folder: Path) -> None:
    error = "lacks 'embedding'; it holds 'logits', 'backbone'; make another"
    with pytest.raises(ValueError, match=error):
        Cache(folder).check_parts(['logits', 'embedding'])


def test_values_that_the_format_cannot_hold_are_refused(tmp_path: Path) -> None:
    large = rows(0, 4) | {'logits': torch.full((4, 3), 1e5)}
    with pytest.raises(ValueError, match=r"'logits' .*float16 .*largest: 1e\+05"):
        ShardWriter(tmp_path, 0, torch.float16).add(large)
    ShardWriter(tmp_path, 0, torch.bfloat16).add(large)


def test_a_part_without_a_row_for_each_image_is_refused(tmp_path: Path) -> None:
    odd = rows(0, 4) | {'logits': torch.zeros(3, 3)}
    with pytest.raises(ValueError, match="'logits' must .* got 3 rows for 4 images"):
        ShardWriter(tmp_path, 0, torch.float16).add(odd)


def test_without_safetensors_the_error_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, 'safetensors', None)
    with pytest.raises(ValueError, match=r"pip install 'ckd_mm\[cache\]'"):
        Cache(folder)
