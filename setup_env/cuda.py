"""The CUDA toolkit for mmcv's operators, and the GPUs they are compiled for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from setup_env.paths import VENV_PYTHON, SetupError

__all__ = ['cuda_environment', 'cuda_target', 'gpus']

DEFAULT_HOME = Path('/usr/local/cuda')
# torch's own headers include these; some toolkits come without them.
LIBRARY_HEADERS = ('cublas_v2.h', 'cusparse.h', 'cusolverDn.h')
PRINT_GPUS = """
import torch
count = torch.cuda.device_count() if torch.cuda.is_available() else 0
print(*sorted({'%d.%d' % torch.cuda.get_device_capability(i) for i in range(count)}))
"""
PRINT_PACKAGES = """
import importlib.util
from pathlib import Path
print(Path(importlib.util.find_spec('torch').origin).parent.parent)
"""


def cuda_target(python: Path = VENV_PYTHON) -> str:
    """What mmcv's setup.py compiles for: `cpu`, or the GPUs that are there or named.

    Raises:
        SetupError: There is a GPU but no CUDA compiler.
    """
    found = gpus(python)
    if not found and os.environ.get('FORCE_CUDA') != '1':
        return 'cpu'
    _cuda_home(found or 'FORCE_CUDA=1')
    return f'cuda {os.environ.get("TORCH_CUDA_ARCH_LIST", found)}'


def gpus(python: Path = VENV_PYTHON) -> str:
    """The compute capabilities of the GPUs that torch sees, such as `8.0 9.0`."""
    return _printed(python, PRINT_GPUS)


def cuda_environment(python: Path = VENV_PYTHON) -> dict[str, str]:
    """The variables that let torch and the compilers find the toolkit.

    Headers of CUDA's libraries that the toolkit lacks are taken from the packages that
    torch itself was installed with.

    Raises:
        SetupError: There is no CUDA compiler, or a header is in neither.
    """
    home = _cuda_home(gpus(python) or 'FORCE_CUDA=1')
    variables = {'CUDA_HOME': str(home)}
    missing = _without(LIBRARY_HEADERS, [home / 'include'])
    if not missing:
        return variables
    packages = Path(_printed(python, PRINT_PACKAGES))
    folders = sorted(packages.glob('nvidia/*/include'))
    if missing := _without(missing, folders):
        raise SetupError(
            f'torch needs {", ".join(missing)} to compile CUDA operators, which is '
            f'neither in {home / "include"} nor in {packages}/nvidia/*/include; '
            "install the toolkit's libraries with headers (Debian, Ubuntu: "
            'cuda-libraries-dev of its version)'
        )
    given = os.environ.get('CPATH')
    paths = [*map(str, folders), *([given] if given else [])]
    return {**variables, 'CPATH': os.pathsep.join(paths)}


def _cuda_home(wanted_by: str) -> Path:
    """That of `CUDA_HOME`, else of `nvcc` on PATH, else the usual folder.

    A wrapper of nvcc, such as a script in /usr/local/bin, has no headers beside it.
    """
    if named := os.environ.get('CUDA_HOME') or os.environ.get('CUDA_PATH'):
        homes = [Path(named)]
    else:
        on_path = shutil.which('nvcc')
        homes = [Path(on_path).parent.parent] if on_path else []
        homes.append(DEFAULT_HOME)
    compilers = [home for home in homes if (home / 'bin' / 'nvcc').is_file()]
    whole = [home for home in compilers if (home / 'include/cuda_runtime.h').is_file()]
    if not compilers:
        raise SetupError(
            f'a GPU ({wanted_by}) wants CUDA operators, but there is no nvcc: looked '
            f'for {", ".join(str(home / "bin/nvcc") for home in homes)}; install the '
            'CUDA toolkit of the version in `torch.version.cuda`, name it in '
            'CUDA_HOME, or say CUDA_VISIBLE_DEVICES= for operators without'
        )
    return (whole or compilers)[0]


def _without(headers: tuple[str, ...], folders: list[Path]) -> tuple[str, ...]:
    return tuple(
        name
        for name in headers
        if not any((folder / name).is_file() for folder in folders)
    )


def _printed(python: Path, script: str) -> str:
    command = [str(python), '-W', 'ignore', '-c', script]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()
