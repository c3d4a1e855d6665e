"""Rows of all ranks: one wait for their numbers in a gather."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.testing._internal.distributed.fake_pg import FakeStore

from ckd_mm.distributed import gather_rows, mean_over_all_rows, sum_over_ranks


@pytest.fixture
def two_ranks() -> Iterator[None]:
    """Of which the other has what this one has: nothing is sent."""
    dist.init_process_group('fake', store=FakeStore(), rank=0, world_size=2)
    yield
    dist.destroy_process_group()


def test_a_gather_waits_once(device: Any, two_ranks: None) -> None:
    rows = torch.rand(3, 2, device='cuda', requires_grad=True)
    with device.record() as record:
        gathered, first = gather_rows(rows)
        gathered.sum().backward()
    assert gathered.shape == (6, 2)
    assert first == 0
    assert record.counts() == {'tolist at ckd_mm/distributed.py (gather_rows)': 1}


def test_sums_over_ranks_do_not_wait(device: Any, two_ranks: None) -> None:
    rows = torch.rand(3, 2, device='cuda', requires_grad=True)
    with device.record() as record:
        mean_over_all_rows(rows.sum(), 6).backward()
        sum_over_ranks(rows)
    assert record.counts() == {}
