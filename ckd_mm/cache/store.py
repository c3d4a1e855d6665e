"""Rows of a cache, by epoch and sample."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Value
from ckd_mm.cache.files import CHECKSUM, SCALES, read_manifest, safetensors
from ckd_mm.cache.identity import difference
from ckd_mm.cache.int8 import restored

__all__ = ['Cache', 'Note']

MOST_OPEN = 8192
"""Tensors that stay mapped into memory; Linux allows a process 65,530 mappings."""

Note = tuple[int, int, int]
"""Epoch, index and checksum of a sample, as :class:`Replay` notes them."""


class Cache:
    """The outputs of a teacher for the images of a replayed data set.

    Args:
        folder: Where `tools/cache_teacher.py` has written it.

    Raises:
        ValueError: It is not there, unfinished, damaged, or of another format.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._name = f'the cache {str(folder)!r}'
        safetensors()
        self.manifest = read_manifest(self.folder)
        if not self.manifest.get('complete'):
            raise ValueError(
                f'{self._name} is not finished; run tools/cache_teacher.py again with '
                'the same arguments, which goes on where it was'
            )
        self.epochs, self.seed = self.manifest['epochs'], self.manifest['seed']
        self._check_files()
        self._epoch = -1
        self._open: dict[tuple[int, str], Tensor] = {}

    @property
    def num_bytes(self) -> int:
        """The bytes of all shards."""
        return sum(
            shard['bytes'] for epoch in self.manifest['shards'] for shard in epoch
        )

    def summary(self) -> str:
        """One line for the log."""
        return f'{self.teacher} from the cache {self.folder}, {self.content()}'

    @property
    def teacher(self) -> str:
        """The name of the teacher."""
        return self.manifest['teacher']['name']

    def content(self) -> str:
        """What it holds, in words."""
        manifest = self.manifest
        parts = ', '.join(part.removeprefix('module:') for part in manifest['parts'])
        return (
            f'{self.epochs} epoch{"s" if self.epochs > 1 else ""} of '
            f'{manifest["data"]["samples"]} images, {parts} in '
            f'{manifest["dtype"]}; weights {manifest["teacher"]["weights"][:12]}'
        )

    def check(self, data: dict[str, Any]) -> None:
        """Check that a run has the data that the teacher saw.

        Args:
            data: See :func:`data_identity`.

        Raises:
            ValueError: Something differs; the message says what.
        """
        differs = difference(self.manifest['data'], data)
        if differs:
            raise ValueError(
                f'{self._name} was made with other data: {differs}; '
                'use the data and the pipeline that it was made with, or make another '
                'cache with tools/cache_teacher.py'
            )

    def check_parts(self, parts: Iterable[str]) -> None:
        """Check that it holds these parts.

        Raises:
            ValueError: One is missing.
        """
        held = self.manifest['parts']
        missing = [part for part in parts if part not in held]
        if missing:
            raise ValueError(
                f'{self._name} lacks {_as_in_a_config(missing)}; '
                f'it holds {_as_in_a_config(held)}; make another one with '
                'tools/cache_teacher.py and the config of this run'
            )

    def shape(self, part: str) -> tuple[int, ...]:
        """The shape of a part that is one tensor, for one image."""
        return tuple(self._shard(0, 0, part).shape[1:])

    def read(
        self, parts: Iterable[str], notes: Sequence[Note], device: torch.device
    ) -> dict[str, Value]:
        """The parts of a batch, in float32 or what they were stored in if wider.

        Args:
            parts: Their names, see :mod:`ckd_mm.teachers.cacheable`.
            notes: Of the samples of the batch, in their order.

        Raises:
            ValueError: A sample is not in the cache, or is another image than the one
                that the teacher saw.
        """
        epochs, indices, checksums = zip(*notes, strict=True)
        samples = self.manifest['data']['samples']
        if len(set(epochs)) > 1 or epochs[0] not in range(self.epochs):
            raise ValueError(
                f'a batch must be of one epoch from 0 to {self.epochs - 1}, got '
                f'{sorted(set(epochs))}'
            )
        if max(indices) >= samples or min(indices) < 0:
            raise ValueError(
                f'{self._name} holds samples 0 to {samples - 1}, the '
                f'batch has {min(indices)} to {max(indices)}'
            )
        rows = torch.tensor(indices)
        self._check_images(epochs[0], rows, torch.tensor(checksums))
        return {part: self._value(part, epochs[0], rows, device) for part in set(parts)}

    def first(
        self, parts: Iterable[str], number: int, device: torch.device
    ) -> dict[str, Value]:
        """The parts of the first image, repeated as often as asked for."""
        rows = torch.zeros(number, dtype=torch.long)
        return {part: self._value(part, 0, rows, device) for part in set(parts)}

    def _value(
        self, part: str, epoch: int, indices: Tensor, device: torch.device
    ) -> Value:
        def read(name: str) -> Tensor:
            values = _moved(self._rows(epoch, name, indices), device)
            if values.dtype != torch.int8:
                return _widened(values)
            scales = self._rows(epoch, f'{SCALES}{name}', indices)
            return restored(values, _moved(scales, device))

        levels = self.manifest['parts'][part]
        if levels is None:
            return read(part)
        return tuple(read(f'{part}/{level}') for level in range(levels))

    def _rows(self, epoch: int, name: str, indices: Tensor) -> Tensor:
        starts = torch.tensor([shard['start'] for shard in self._shards(epoch)])
        numbers = torch.searchsorted(starts, indices, right=True) - 1
        rows = None
        for number in numbers.unique().tolist():
            here = numbers == number
            found = self._shard(epoch, number, name)[indices[here] - starts[number]]
            if rows is None:
                rows = found.new_empty(len(indices), *found.shape[1:])
            rows[here] = found
        assert rows is not None
        return rows

    def _shard(self, epoch: int, number: int, name: str) -> Tensor:
        """A tensor of a shard, mapped into memory; most of one epoch stay open."""
        if epoch != self._epoch or len(self._open) > MOST_OPEN:
            self._epoch, self._open = epoch, {}
        if (number, name) not in self._open:
            path = self.folder / self._shards(epoch)[number]['file']
            with safetensors().safe_open(path, 'pt') as file:
                self._open[number, name] = file.get_tensor(name)
        return self._open[number, name]

    def _shards(self, epoch: int) -> list[dict[str, Any]]:
        return self.manifest['shards'][epoch]

    def _check_files(self) -> None:
        for shard in (one for epoch in self.manifest['shards'] for one in epoch):
            path = self.folder / shard['file']
            size = path.stat().st_size if path.is_file() else None
            if size != shard['bytes']:
                came = 'is missing' if size is None else f'has {size}'
                raise ValueError(
                    f'{self._name} is damaged: {shard["file"]} should '
                    f'have {shard["bytes"]} bytes and {came}; run '
                    'tools/cache_teacher.py again with the same arguments, which '
                    'repairs it'
                )

    def _check_images(self, epoch: int, indices: Tensor, found: Tensor) -> None:
        differ = self._rows(epoch, CHECKSUM, indices) != found
        if differ.any():
            raise ValueError(
                f'{int(differ.sum())} of {len(differ)} images of the batch are not '
                f'those that the teacher saw (the first is sample '
                f'{int(indices[differ][0])} in epoch {epoch} of the cache), although '
                "the pipeline's config is the same: the files have changed, or the "
                'versions of the libraries that read and transform images (the cache '
                f'was made with {self.manifest["versions"]}); use these versions, or '
                'make another cache with tools/cache_teacher.py'
            )


def _moved(rows: Tensor, device: torch.device) -> Tensor:
    """Rows on the device. From pinned memory, the host does not wait for the copy."""
    if device.type != 'cuda':
        return rows.to(device)
    return rows.pin_memory().to(device, non_blocking=True)


def _widened(rows: Tensor) -> Tensor:
    return rows.to(torch.promote_types(rows.dtype, torch.float32))


def _as_in_a_config(parts: Iterable[str]) -> str:
    """The names of parts, modules as `on=dict(teacher=NAME)` has them."""
    return ', '.join(repr(part.removeprefix('module:')) for part in parts)
