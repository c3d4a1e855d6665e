"""How much memory is left for what a run keeps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import torch

__all__ = ['free_bytes']

MEMORY = Path('/proc/meminfo')
"""Linux's; what it calls available has the caches that it would give up."""

GROUPS = Path('/sys/fs/cgroup')
OWN_GROUP = Path('/proc/self/cgroup')
"""Where limits of containers and of jobs of a cluster stand, and which one is ours."""

LIMITS = {
    '': ('memory.max', 'memory.current', 'inactive_file'),
    'memory': (
        'memory.limit_in_bytes',
        'memory.usage_in_bytes',
        'total_inactive_file',
    ),
}
"""Limit, use, and what of that is cache to give up; by the name of version 2 and 1."""


def free_bytes(device: torch.device) -> int | None:
    """How much memory is left there for each rank; `None` if nothing says so.

    The ranks of a machine share its memory, and that of its container or job.
    """
    if device.type == 'cuda':
        return torch.cuda.mem_get_info(device)[0]
    if device.type != 'cpu':
        return None
    known = [one for one in (_of_machine(), *_of_groups()) if one is not None]
    ranks = int(os.environ.get('LOCAL_WORLD_SIZE', 1))
    return min(known) // ranks if known else None


def _of_machine() -> int | None:
    if not MEMORY.is_file():
        return None
    available = _value(MEMORY, 'MemAvailable:')
    return None if available is None else available * 1024


def _of_groups() -> Iterator[int | None]:
    """What is left in our group, and in each that it is part of."""
    lines = OWN_GROUP.read_text().splitlines() if OWN_GROUP.is_file() else []
    for line in lines:
        _, name, path = line.split(':', 2)
        if name in LIMITS:
            root = GROUPS / name
            own = root / path.strip('/')
            for folder in (own, *own.parents):
                if folder.is_relative_to(root):
                    yield _of_group(folder, *LIMITS[name])


def _of_group(folder: Path, limit: str, used: str, cache: str) -> int | None:
    files = [folder / name for name in (limit, used, 'memory.stat')]
    if not all(one.is_file() for one in files):
        return None
    allowed = files[0].read_text().strip()
    if not allowed.isdigit():  # 'max': no limit
        return None
    given_up = _value(files[2], cache) or 0
    return max(0, int(allowed) - int(files[1].read_text()) + given_up)


def _value(file: Path, name: str) -> int | None:
    """The number of a line that begins with a name."""
    for line in file.read_text().splitlines():
        key, *rest = line.split()
        if key == name:
            return int(rest[0])
    return None
