"""Compile `fakecuda.cpp` once, and load it.

It takes a C++ compiler, which the machine has since it compiled mmcv, and no nvcc or
ninja. The library lies in `build/device`, under the version of torch and the hash of
the source. Of several processes one compiles and the others wait for it.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import subprocess
from pathlib import Path

import torch

__all__ = ['FOLDER', 'load']

TORCH = Path(torch.__file__).parent
SOURCE = Path(__file__).with_name('fakecuda.cpp')
FOLDER = Path(__file__).resolve().parents[2] / 'build/device'


def load(folder: Path = FOLDER) -> ctypes.CDLL:
    """The compiled library.

    Args:
        folder: Where it is, or will be.

    Raises:
        RuntimeError: It does not compile; the message is the compiler's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / f'fakecuda-{_key()}.so'
    with (folder / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # freed by the system if this process dies
        if not library.exists():
            _compile(library)
    return ctypes.CDLL(str(library))


def _key() -> str:
    source = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]
    return f'{torch.__version__}-{source}'


def _compile(library: Path) -> None:
    unfinished = library.with_suffix('.part')
    command = [os.environ.get('CXX', 'c++'), '-std=c++17', '-O0', '-fPIC', '-shared']
    command += [f'-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}']
    command += [f'-I{TORCH / "include"}', str(SOURCE), '-o', str(unfinished)]
    command += [f'-L{TORCH / "lib"}', '-lc10', '-ltorch_cpu']
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise RuntimeError(
            f'the mock device needs the C++ compiler {command[0]}, which is not there; '
            'install one, or name it in CXX'
        ) from error
    if done.returncode:
        raise RuntimeError(f'{" ".join(command)}\n{done.stderr}')
    unfinished.replace(library)
