"""What one run of a case needs: memory at a time, arithmetic, new pages."""

from __future__ import annotations

import ctypes
import resource
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

__all__ = ['Meter', 'flops', 'keep_freed', 'page_faults', 'peak']

Meter = Callable[[Callable[[], Any]], int]

# of glibc's malloc.h: give memory at the top back from so many bytes; mappings at most
TRIM_THRESHOLD, MMAP_MAX = -1, -4


def keep_freed() -> None:
    """Have glibc keep what tensors free, as CUDA's allocator does.

    As it is, it gives large tensors back to the system, which makes new pages for the
    next ones: the more a step has in memory, the more of its time is that.
    """
    mallopt = ctypes.CDLL(None).mallopt
    assert mallopt(MMAP_MAX, 0) and mallopt(TRIM_THRESHOLD, 2**31 - 1)


def peak(work: Callable[[], Any]) -> int:
    """Bytes of tensors: of CUDA's allocator, or on a CPU of PyTorch's.

    Memory that a library takes by itself, such as oneDNN's for a convolution, is not
    among them.
    """
    return _cuda_peak(work) if torch.cuda.is_available() else _cpu_peak(work)


def _cuda_peak(work: Callable[[], Any]) -> int:
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    work()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def _cpu_peak(work: Callable[[], Any]) -> int:
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    assert profiler.profiler is not None and profiler.profiler.kineto_results
    changes = [
        (event.start_ns(), event.nbytes())
        for event in profiler.profiler.kineto_results.events()
        if event.name() == '[memory]' and event.device_type() == DeviceType.CPU
    ]
    held = highest = 0
    for _, change in sorted(changes, key=lambda pair: pair[0]):
        held += change
        highest = max(highest, held)
    return highest


def flops(work: Callable[[], Any]) -> int:
    """Floating-point operations of convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def page_faults(work: Callable[[], Any]) -> int:
    """Pages that the system had to find for the process's memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
