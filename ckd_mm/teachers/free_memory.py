"""How much memory is left for what a run keeps."""

from __future__ import annotations

import os
from pathlib import Path

import torch

__all__ = ['free_bytes']

MEMORY = Path('/proc/meminfo')
"""Linux's; what it calls available has the caches that it would give up."""

GROUP = Path('/sys/fs/cgroup')
"""Where the limit of a container or of a job of a cluster stands."""

LIMITS = (
    ('memory.max', 'memory.current', 'memory.stat', 'inactive_file'),
    (
        'memory/memory.limit_in_bytes',
        'memory/memory.usage_in_bytes',
        'memory/memory.stat',
        'total_inactive_file',
    ),
)
"""Limit, use, and what of that is cache to give up: version 2, version 1."""


def free_bytes(device: torch.device) -> int | None:
    """How much memory is left there for each rank; `None` if nothing says so.

    The ranks of a machine share its memory, and that of its container or job.
    """
    if device.type == 'cuda':
        return torch.cuda.mem_get_info(device)[0]
    if device.type != 'cpu':
        return None
    known = [one for one in (_of_machine(), *map(_of_group, LIMITS)) if one is not None]
    ranks = int(os.environ.get('LOCAL_WORLD_SIZE', 1))
    return min(known) // ranks if known else None


def _of_machine() -> int | None:
    if not MEMORY.is_file():
        return None
    available = _value(MEMORY, 'MemAvailable:')
    return None if available is None else available * 1024


def _of_group(names: tuple[str, str, str, str]) -> int | None:
    limit, used, stat = (GROUP / name for name in names[:3])
    if not all(one.is_file() for one in (limit, used, stat)):
        return None
    allowed = limit.read_text().strip()
    if not allowed.isdigit():  # 'max': no limit
        return None
    cache = _value(stat, names[3]) or 0
    return max(0, int(allowed) - int(used.read_text()) + cache)


def _value(file: Path, name: str) -> int | None:
    """The number of a line that begins with a name."""
    for line in file.read_text().splitlines():
        key, *rest = line.split()
        if key == name:
            return int(rest[0])
    return None
