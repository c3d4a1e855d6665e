from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ckd_mm.teachers import free_memory
from ckd_mm.teachers.free_memory import free_bytes

CPU = torch.device('cpu')


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """700 kB are left, caches included; there is no container."""
    said = tmp_path / 'meminfo'
    said.write_text('MemTotal: 900 kB\nMemFree: 100 kB\nMemAvailable:     700 kB\n')
    monkeypatch.setattr(free_memory, 'MEMORY', said)
    monkeypatch.setattr(free_memory, 'GROUP', tmp_path / 'group')
    monkeypatch.delenv('LOCAL_WORLD_SIZE', raising=False)
    return tmp_path


def test_free_memory_of_a_cpu_counts_caches_that_linux_would_give_up(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert free_bytes(CPU) == 700 * 1024
    assert free_bytes(torch.device('meta')) is None
    monkeypatch.setattr(free_memory, 'MEMORY', machine / 'none')
    assert free_bytes(CPU) is None


@pytest.mark.parametrize(
    ('limit', 'used', 'folder', 'cache'),
    [
        ('memory.max', 'memory.current', '.', 'inactive_file'),
        (
            'memory.limit_in_bytes',
            'memory.usage_in_bytes',
            'memory',
            'total_inactive_file',
        ),
    ],
)
def test_a_container_may_have_less(
    machine: Path, limit: str, used: str, folder: str, cache: str
) -> None:
    group = machine / 'group' / folder
    group.mkdir(parents=True)
    (group / limit).write_text('100000\n')
    (group / used).write_text('80000\n')
    (group / 'memory.stat').write_text(f'anon 70000\n{cache} 5000\n')
    assert free_bytes(CPU) == 25000
    (group / limit).write_text('max\n')
    assert free_bytes(CPU) == 700 * 1024


def test_ranks_of_a_machine_share_it(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('LOCAL_WORLD_SIZE', '4')
    assert free_bytes(CPU) == 175 * 1024
