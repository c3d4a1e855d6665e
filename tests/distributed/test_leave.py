"""The end of a process group."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch.distributed as dist

from ckd_mm.distributed import leave_process_group


class Runner:
    """Like MMEngine's, it is in a cycle: only a collection lets it go."""

    def __init__(self) -> None:
        self.loop = self


def test_what_is_garbage_is_let_go_before_the_group_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dist.init_process_group('gloo', store=dist.HashStore(), rank=0, world_size=1)
    runner, gone = weakref.ref(Runner()), []
    destroy = dist.destroy_process_group

    def noted() -> None:
        gone.append(runner() is None)
        destroy()

    monkeypatch.setattr(dist, 'destroy_process_group', noted)
    gc.disable()  # else it might be collected by chance
    try:
        leave_process_group()
    finally:
        gc.enable()
    assert gone == [True]
    assert not dist.is_initialized()


def test_without_a_group_there_is_nothing_to_leave() -> None:
    leave_process_group()
    assert not dist.is_initialized()
