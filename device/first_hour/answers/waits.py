"""What makes the processor wait for the device, by PyTorch's own count."""

from __future__ import annotations

import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from device.first_hour.answers.models import Models, attached, faster_rcnn, step
from device.first_hour.places import Run

__all__ = ['sync_warnings', 'waits']

OURS = 'ckd_mm'
PACKAGES = (OURS, 'mmdet', 'mmengine', 'mmcv', 'mmpretrain')


def waits(run: Run) -> str:
    """A stock step and one with CKD; no line of ours may wait."""
    models = faster_rcnn(run)
    stock = _waits_of_a_step(models)
    with attached(models):
        both = _waits_of_a_step(models)
    added = both - stock
    print(
        'stock:', *sorted(stock.items()), 'with CKD:', *sorted(both.items()), sep='\n'
    )
    ours = {line: number for line, number in both.items() if line.startswith(OURS)}
    assert not ours, f'lines of ours wait: {ours}'
    lines = ', '.join(f'{line} {number}' for line, number in added.items())
    return f'stock {stock.total()}, with CKD {both.total()}, added: {lines or "none"}'


@contextmanager
def sync_warnings() -> Iterator[Counter[str]]:
    """Count PyTorch's warnings, by the innermost line of our packages."""
    found: Counter[str] = Counter()

    def note(
        message: Any, category: Any, filename: str, lineno: int, *_: Any, **__: Any
    ) -> None:
        if 'synchronizing' in str(message):
            found[_line() or f'{filename}:{lineno}'] += 1

    with warnings.catch_warnings():
        warnings.simplefilter('always')
        warnings.showwarning = note
        yield found


def _waits_of_a_step(models: Models) -> Counter[str]:
    """The third step, as the first two set things up."""
    for _ in range(2):
        step(models)
    torch.manual_seed(0)
    with sync_warnings() as found:
        torch.cuda.set_sync_debug_mode('warn')
        try:
            step(models)
        finally:
            torch.cuda.set_sync_debug_mode('default')
    return found


def _line() -> str | None:
    """The innermost line of one of the packages, such as `mmdet/models/a.py:3`."""
    for frame in reversed(traceback.extract_stack()):
        for package in PACKAGES:
            before, found, path = frame.filename.rpartition(f'/{package}/')
            if found and '/first_hour/' not in frame.filename:
                return f'{package}/{path}:{frame.lineno}'
    return None
