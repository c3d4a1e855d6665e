"""The set-up with a CUDA toolkit: which one, with which headers, for which GPU."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch

from setup_env import cuda, mmcv, paths


def toolkit(home: Path, *headers: str) -> Path:
    """The files of a CUDA toolkit that the set-up looks for."""
    for name in ('bin/nvcc', *(f'include/{header}' for header in headers)):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch(0o755)
    return home


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder that torch was installed in, with headers of its CUDA libraries."""
    folder = tmp_path / 'site-packages'
    include = folder / 'nvidia' / 'cu13' / 'include'
    include.mkdir(parents=True)
    for name in cuda.LIBRARY_HEADERS:
        (include / name).touch()
    printed = {cuda.PRINT_PACKAGES: str(folder), cuda.PRINT_GPUS: '9.0'}
    monkeypatch.setattr(cuda, '_printed', lambda _, script: printed[script])
    monkeypatch.delenv('CPATH', raising=False)
    return folder


def test_a_cuda_home_without_nvcc_is_no_toolkit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv('FORCE_CUDA', '1')
    monkeypatch.setenv('CUDA_HOME', str(tmp_path))
    with pytest.raises(paths.SetupError, match='no nvcc') as caught:
        mmcv.cuda_target()
    assert str(tmp_path / 'bin' / 'nvcc') in str(caught.value)


def test_the_usual_folder_without_nvcc_is_no_toolkit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv('FORCE_CUDA', '1')
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.delenv('CUDA_HOME', raising=False)
    monkeypatch.setattr(cuda, 'DEFAULT_HOME', tmp_path)
    with pytest.raises(paths.SetupError, match='no nvcc'):
        mmcv.cuda_target()


def test_a_wrapper_of_nvcc_on_path_does_not_hide_the_toolkit(
    monkeypatch: pytest.MonkeyPatch, packages: Path, tmp_path: Path
) -> None:
    wrapper = toolkit(tmp_path / 'local')
    whole = toolkit(tmp_path / 'cuda', 'cuda_runtime.h', *cuda.LIBRARY_HEADERS)
    monkeypatch.setenv('PATH', str(wrapper / 'bin'))
    monkeypatch.delenv('CUDA_HOME', raising=False)
    monkeypatch.setattr(cuda, 'DEFAULT_HOME', whole)
    assert cuda.cuda_environment() == {'CUDA_HOME': str(whole)}


def test_headers_that_the_toolkit_lacks_come_from_torchs_packages(
    monkeypatch: pytest.MonkeyPatch, packages: Path, tmp_path: Path
) -> None:
    home = toolkit(tmp_path / 'cuda', 'cuda_runtime.h')
    monkeypatch.setenv('CUDA_HOME', str(home))
    source = ''.join(f'#include <{name}>\n' for name in cuda.LIBRARY_HEADERS)
    subprocess.run(
        ['c++', f'-I{home}/include', '-fsyntax-only', '-x', 'c++', '-'],
        env=dict(os.environ, **cuda.cuda_environment()),
        input=source,
        text=True,
        check=True,
    )


def test_the_users_cpath_is_kept(
    monkeypatch: pytest.MonkeyPatch, packages: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv('CUDA_HOME', str(toolkit(tmp_path / 'cuda')))
    monkeypatch.setenv('CPATH', '/mine')
    found = cuda.cuda_environment()['CPATH'].split(':')
    assert found == [str(packages / 'nvidia/cu13/include'), '/mine']


def test_a_header_that_is_nowhere_is_reported_before_the_compiler_runs(
    monkeypatch: pytest.MonkeyPatch, packages: Path, tmp_path: Path
) -> None:
    (packages / 'nvidia/cu13/include/cusparse.h').unlink()
    monkeypatch.setenv('CUDA_HOME', str(toolkit(tmp_path / 'cuda')))
    with pytest.raises(paths.SetupError, match=r'torch needs cusparse\.h .*neither'):
        cuda.cuda_environment()


@pytest.mark.skipif(torch.cuda.is_available(), reason='the operators would run')
def test_a_wheel_that_does_not_run_on_the_gpu_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """This environment's operators have no kernels for any GPU."""
    built = tmp_path / 'mmcv.whl'
    built.touch()
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(mmcv, 'BUILD', tmp_path / 'build')
    monkeypatch.setattr(mmcv, 'cuda_target', lambda: 'cuda 9.0')
    monkeypatch.setattr(mmcv, 'gpus', lambda _=None: '9.0')
    monkeypatch.setattr(mmcv, 'pip_install', lambda *_: None)
    monkeypatch.setattr(mmcv, 'compile_mmcv', lambda *_: built)
    with pytest.raises(paths.SetupError, match='on cpu and cuda.* must have 9.0'):
        mmcv.install_mmcv()
    assert not list((tmp_path / 'cache').rglob('*.whl'))


def test_without_a_gpu_the_operators_are_tried_on_the_cpu_only() -> None:
    mmcv.run_operators(['cpu'])
    with pytest.raises(paths.SetupError, match='on meta'):
        mmcv.run_operators(['meta'])
