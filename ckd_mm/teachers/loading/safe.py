"""Read a checkpoint file without running what is in it.

A file of PyTorch is a pickle, and a pickle can call any function. PyTorch's
`weights_only` allows only the functions that rebuild tensors, and those named here.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.utils import digit_version

__all__ = ['TRUST', 'reason', 'read_file', 'refused']

TRUST = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'  # PyTorch's own variable
_SAFE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'  # the same
_TRUE = ('1', 'y', 'yes', 'true')  # what PyTorch takes for yes
# What PyTorch says of a file that it refuses to read as weights only.
_REFUSED = re.compile(r'(?:GLOBAL|unrecognized function) ([\w.]+)')


def read_file(checkpoint: str) -> Any:
    """What is in a file of PyTorch, on the CPU.

    With PyTorch 2.6 or later only weights and plain data are read, unless the user has
    set `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1`. With older versions MMEngine decides,
    because they know too little of what MMEngine writes.

    Args:
        checkpoint: Path or URL, in any form that MMEngine's `CheckpointLoader` knows.

    Raises:
        FileNotFoundError: There is no such file.
        pickle.UnpicklingError: The file has more than weights and plain data.
    """
    old = digit_version(torch.__version__) < digit_version('2.6')
    if old or os.environ.get(TRUST, '').lower() in _TRUE:
        return CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    with _weights_only(), torch.serialization.safe_globals(_plain_data()):
        if '://' in checkpoint:
            return CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
        path = os.path.expanduser(checkpoint)
        if not os.path.isfile(path):
            raise FileNotFoundError(f'{path} is no file')
        return torch.load(path, map_location='cpu', weights_only=True)


def reason(error: Exception) -> str:
    """Why :func:`read_file` failed, in a few words.

    PyTorch's own are a paragraph, which advises to run what is in the file.
    """
    if name := refused(error):
        return f'it holds more than weights and plain data ({name})'
    if isinstance(error, pickle.UnpicklingError):
        return 'it holds no weights of PyTorch'
    line, *_ = str(error).strip().split('\n')
    return f'{type(error).__name__}: {line}' if line else type(error).__name__


def refused(error: Exception) -> str | None:
    """The function or class in a file for which it was not read, if there is one."""
    found = _REFUSED.search(str(error))
    return found[1] if found else None


@contextlib.contextmanager
def _weights_only() -> Iterator[None]:
    """For loaders of MMEngine, some of which ask PyTorch for everything."""
    before = os.environ.get(_SAFE)
    os.environ[_SAFE] = '1'
    try:
        yield
    finally:
        del os.environ[_SAFE]
        if before is not None:
            os.environ[_SAFE] = before


def _plain_data() -> list[Any]:
    """What checkpoints of MMEngine have beside weights: numbers, and their history.

    `getattr` finds the methods of a history. PyTorch calls only what is in this list
    or in its own, so that nothing else can be run by way of it.
    """
    core = np._core if hasattr(np, '_core') else np.core
    multiarray = core.multiarray
    kinds = {type(np.dtype(code)) for code in np.typecodes['All']}
    numbers = [np.ndarray, np.dtype, multiarray._reconstruct, multiarray.scalar]
    return [*numbers, *kinds, HistoryBuffer, getattr, slice]
