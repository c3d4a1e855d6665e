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
    monkeypatch.setattr(free_memory, 'GROUPS', tmp_path / 'groups')
    monkeypatch.setattr(free_memory, 'OWN_GROUP', tmp_path / 'own')
    monkeypatch.delenv('LOCAL_WORLD_SIZE', raising=False)
    return tmp_path


def test_free_memory_of_a_cpu_counts_caches_that_linux_would_give_up(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert free_bytes(CPU) == 700 * 1024
    assert free_bytes(torch.device('meta')) is None
    monkeypatch.setattr(free_memory, 'MEMORY', machine / 'none')
    assert free_bytes(CPU) is None


def group(folder: Path, limit: str, version: int) -> None:
    """80,000 bytes are in use there, of which 5,000 are cache."""
    names = {
        1: ('memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'),
        2: ('memory.max', 'memory.current', 'inactive_file'),
    }[version]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f'{limit}\n')
    (folder / names[1]).write_text('80000\n')
    (folder / 'memory.stat').write_text(f'anon 70000\n{names[2]} 5000\n')


@pytest.mark.parametrize(
    ('version', 'own', 'root'),
    [(2, '0::/{}', 'groups'), (1, '7:cpu:/a\n9:memory:/{}', 'groups/memory')],
)
@pytest.mark.parametrize('path', ['', 'slurm/job_7/step_0'])
def test_a_container_or_a_job_may_have_less(
    machine: Path, version: int, own: str, root: str, path: str
) -> None:
    (machine / 'own').write_text(own.format(path) + '\n')
    assert free_bytes(CPU) == 700 * 1024
    group(machine / root / path, 'max', version)
    assert free_bytes(CPU) == 700 * 1024
    group(machine / root / path, '100000', version)
    assert free_bytes(CPU) == 25000


def test_a_job_has_no_more_than_what_it_is_part_of(machine: Path) -> None:
    (machine / 'own').write_text('0::/slurm/job_7/step_0\n')
    group(machine / 'groups/slurm/job_7/step_0', '400000', version=2)
    group(machine / 'groups/slurm/job_7', '90000', version=2)
    group(machine / 'groups/other', '80000', version=2)
    assert free_bytes(CPU) == 15000


def test_ranks_of_a_machine_share_it(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('LOCAL_WORLD_SIZE', '4')
    assert free_bytes(CPU) == 175 * 1024
