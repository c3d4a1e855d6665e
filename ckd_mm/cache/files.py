"""The files of a cache: one manifest, and per epoch shards of rows.

    OUT/cache.json                       what it holds, of which data and teacher
    OUT/epoch_0/000000000.safetensors    rows of samples 0 to 4095, in the first epoch
    OUT/epoch_0/000004096.safetensors    ...
    OUT/logs/                            config and log of the call that made it

A shard has a tensor (rows, ...) for each part, or one for each level of it, the scales
of those in int8, and the checksums of the images. Its format is safetensors: a short
header and the plain tensors. It is mapped into memory, processes share its pages, and
it knows half precision and bfloat16. One indexing operation reads the rows of a batch
from anywhere in it (256 rows of 1000 half-precision numbers from 60,000: 1 ms, one by
one 9 ms). LMDB, the alternative, maps its file as well, but holds byte strings by key:
we would have to write formats and shapes, and look the rows up one by one.

A shard appears under its name when it is complete, and `cache.json` says that the cache
is `complete` when all are. A cache that is not is refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ckd_mm.atomic import write_json

__all__ = [
    'CHECKSUM',
    'FORMAT',
    'SCALES',
    'read_manifest',
    'safetensors',
    'write_manifest',
]

FORMAT = 1
CHECKSUM = 'checksum'
"""The tensor of a shard with the checksums of the images."""
SCALES = 'scales of '
"""What the name of a tensor with the scales of one in int8 begins with."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """The content of `cache.json`.

    Raises:
        ValueError: It is missing, unreadable or of another format.
    """
    path = folder / 'cache.json'
    try:
        manifest = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise ValueError(
            f'{str(folder)!r} is no cache of a teacher, its cache.json is not there; '
            'make one with tools/cache_teacher.py, or correct the path'
        ) from error
    except (OSError, ValueError) as error:
        raise ValueError(
            f'{str(folder)!r} is no cache of a teacher, its cache.json cannot be read '
            f'({type(error).__name__}: {error}); make one with tools/cache_teacher.py'
        ) from error
    if manifest.get('format') != FORMAT:
        raise ValueError(
            f'the cache {str(folder)!r} has format {manifest.get("format")!r}, '
            f'expected {FORMAT}; make another one with tools/cache_teacher.py'
        )
    return manifest


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write `cache.json`, as a whole or not at all."""
    write_json(folder / 'cache.json', manifest)


def safetensors() -> Any:
    """The package, which only caches need.

    Raises:
        ValueError: It is not installed.
    """
    try:
        import safetensors.torch
    except ImportError as error:
        raise ValueError(
            'a cached teacher needs the package safetensors; install it with '
            "pip install 'ckd_mm[cache]' or pip install safetensors"
        ) from error
    return safetensors
