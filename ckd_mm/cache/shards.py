"""Write the shards of an epoch, from where an interrupted run stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ckd_mm.atomic import replacing
from ckd_mm.cache.files import CHECKSUM, SCALES, safetensors
from ckd_mm.cache.int8 import quantised

__all__ = ['SHARD_BYTES', 'ShardWriter', 'num_levels', 'stored_rows']

SHARD_BYTES = 2**26
"""A shard is written when it has so many; an interruption loses no more."""


class ShardWriter:
    """The rows of one epoch, in the order of the samples.

    Args:
        folder: Of the cache.
        epoch: Counted from 0.
        dtype: What floating-point tensors are stored in.
    """

    def __init__(self, folder: Path, epoch: int, dtype: torch.dtype) -> None:
        self.root, self.dtype = folder, dtype
        self.folder = folder / f'epoch_{epoch}'
        self.folder.mkdir(exist_ok=True)
        self.shards: list[dict[str, Any]] = []
        self._waiting: list[dict[str, Tensor]] = []
        self._keep()

    @property
    def num_rows(self) -> int:
        """Rows in shards that are written."""
        return sum(shard['rows'] for shard in self.shards)

    def add(self, rows: dict[str, Tensor]) -> None:
        """Take the rows (N, ...) of a batch.

        Raises:
            ValueError: A tensor does not have one row for each image, or has values
                that the format cannot hold.
        """
        count = len(rows[CHECKSUM])
        for name, tensor in rows.items():
            if len(tensor) != count:
                raise ValueError(
                    f'{name!r} must have one row for each image to be cached, got '
                    f'{len(tensor)} rows for {count} images'
                )
        self._waiting.append(stored_rows(rows, self.dtype))
        size = sum(t.nbytes for batch in self._waiting for t in batch.values())
        if size >= SHARD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait as a shard."""
        if not self._waiting:
            return
        rows = {
            name: torch.cat([batch[name] for batch in self._waiting])
            for name in self._waiting[0]
        }
        self._waiting = []
        path = self._path(self.num_rows)
        with replacing(path) as draft:
            safetensors().torch.save_file(rows, draft)
        self._append(path, len(rows[CHECKSUM]))

    def _keep(self) -> None:
        """Keep the whole shards up to the first gap, and remove all after it."""
        while (path := self._path(self.num_rows)).is_file():
            rows = _num_rows(path)
            if not rows:
                break
            self._append(path, rows)
        kept = {self.root / shard['file'] for shard in self.shards}
        for path in self.folder.iterdir():
            if path not in kept:
                path.unlink()

    def _append(self, path: Path, rows: int) -> None:
        name = str(path.relative_to(self.root))
        size = path.stat().st_size
        self.shards.append(dict(file=name, start=self.num_rows, rows=rows, bytes=size))

    def _path(self, start: int) -> Path:
        return self.folder / f'{start:09}.safetensors'


def stored_rows(rows: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """The rows of a batch as a shard has them.

    Raises:
        ValueError: They have values that the format cannot hold.
    """
    stored: dict[str, Tensor] = {}
    for name, values in rows.items():
        if not values.is_floating_point():
            stored[name] = values.cpu()
        elif dtype == torch.int8:
            stored[name], stored[f'{SCALES}{name}'] = quantised(values)
            _check_finite(name, stored[f'{SCALES}{name}'], values, dtype)
        else:
            stored[name] = values.to(dtype)
            _check_finite(name, stored[name], values, dtype)
    return {name: values.cpu().contiguous() for name, values in stored.items()}


def num_levels(path: Path, part: str) -> int | None:
    """How many levels a part has in a shard; `None` where it is one tensor."""
    with safetensors().safe_open(path, 'pt') as file:
        return sum(name.startswith(f'{part}/') for name in file.keys()) or None  # noqa: SIM118


def _check_finite(name: str, stored: Tensor, rows: Tensor, dtype: torch.dtype) -> None:
    if not stored.isfinite().all():
        raise ValueError(
            f'the teacher has values of {name!r} that {dtype} cannot hold '
            f'(largest: {rows.abs().max():.3g}); store them in bfloat16 or float32'
        )


def _num_rows(path: Path) -> int | None:
    """The number of rows of a whole shard; `None` if it was cut short."""
    try:
        with safetensors().safe_open(path, 'pt') as file:
            return file.get_slice(CHECKSUM).get_shape()[0]
    except safetensors().SafetensorError:
        return None
