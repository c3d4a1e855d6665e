"""mmcv with its compiled operators: the slow step. OneDL publishes source only."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

from setup_env.cuda import cuda_environment, cuda_target, gpus
from setup_env.machine import compile_jobs, cores
from setup_env.paths import BUILD, VENV_PYTHON, SetupError, read_pins
from setup_env.process import call, pip_install, say

__all__ = ['build_environment', 'compile_mmcv', 'compiler_flags']
__all__ += ['install_mmcv', 'run_operators']

CPU_MINUTES = 11  # Without CUDA operators; docs/install.md.
RUN_OPERATORS = """
import sys
import torch
from mmcv.ops import nms, roi_align
for device in sys.argv[1:]:
    boxes = torch.tensor([[0., 0., 8., 8.], [0., 0., 8., 7.]], device=device)
    scores = torch.tensor([.9, .8], device=device)
    assert len(nms(boxes, scores, 0.5)[1]) == 1
    rois = torch.cat([torch.zeros(2, 1, device=device), boxes], 1)
    rows = roi_align(torch.ones(1, 1, 9, 9, device=device), rois, (2, 2))
    assert rows.cpu().tolist() == [[[[1, 1], [1, 1]]]] * 2
"""


def install_mmcv() -> None:
    """From a wheel of ours, else from pip's cache, else compiled here."""
    pin = read_pins()['onedl-mmcv']
    target = cuda_target()
    flags = compiler_flags()
    built_for = [sysconfig.get_platform(), sys.version, read_pins()['torch'], target]
    key = hashlib.sha256(' '.join([*built_for, flags]).encode()).hexdigest()[:12]
    kept = wheel_cache() / f'{pin}-{key}'
    if ours := next(kept.glob('*.whl'), None):
        say(f'  compiled earlier: {ours}')
        install_wheel(ours)
    elif target != 'cpu' or not install_from_pip_cache(pin):
        wheel = compile_mmcv(pin, flags, target, BUILD / key)
        install_wheel(wheel)
        with contextlib.suppress(OSError):  # A read-only home costs the next one time.
            keep(wheel, kept)
    shutil.rmtree(BUILD, ignore_errors=True)


def install_from_pip_cache(pin: str) -> bool:
    """Try the wheel that pip kept when this mmcv was compiled for something else.

    Its name does not tell for which torch that was, so its operators have to run.
    """
    prefix = pin.replace('-', '_').replace('==', '-')
    tag = 'cp{}{}'.format(*sys.version_info[:2])
    pip_cache = [str(VENV_PYTHON), '-m', 'pip', 'cache', 'list', '--format=abspath']
    listed = subprocess.run(pip_cache, capture_output=True, text=True).stdout
    for path in map(Path, listed.splitlines()):
        if path.name.startswith(f'{prefix}-{tag}-'):
            say(f"  trying the wheel in pip's cache: {path}")
            try:
                install_wheel(path)
                return True
            except SetupError as error:
                say(f'  it does not fit this torch: {error}')
    return False


def install_wheel(wheel: Path) -> None:
    pins = read_pins()
    pip_install('--force-reinstall', '--no-deps', str(wheel))
    pip_install(pins['onedl-mmcv'], pins['numpy'])  # What the wheel requires.
    install_headless_opencv()
    run_operators(['cpu', 'cuda'] if gpus() else ['cpu'])


def run_operators(devices: list[str], python: Path = VENV_PYTHON) -> None:
    """Run two of mmcv's operators on these devices.

    Raises:
        SetupError: They do not run.
    """
    try:
        call([str(python), '-W', 'ignore', '-c', RUN_OPERATORS, *devices])
    except SetupError as error:
        advice = (
            '; were they compiled for this GPU? TORCH_CUDA_ARCH_LIST must have '
            f'{gpus(python)} or be unset'
        )
        raise SetupError(
            f"mmcv's operators do not run on {' and '.join(devices)}"
            + (advice if 'cuda' in devices else '; run make setup again')
        ) from error


def install_headless_opencv() -> None:
    """Let the headless OpenCV be the one that is there.

    Both builds are required by something and share one folder, so the last one wins.
    The other one needs libGL, which a bare machine lacks.
    """
    pin = read_pins()['opencv-python-headless']
    pip_install('--force-reinstall', '--no-deps', pin)


def compile_mmcv(
    pin: str, flags: str, target: str, work: Path, python: Path = VENV_PYTHON
) -> Path:
    """Compile in a folder that survives an interruption; ninja goes on in it."""
    source = work / 'source'
    if not source.is_dir():
        download_source(pin, source)
    env = build_environment(flags, python)
    jobs = env['MAX_JOBS']
    minutes = round(CPU_MINUTES / min(int(jobs), cores()))
    duration = f'about {minutes} minutes' if target == 'cpu' else 'half an hour or more'
    say(
        f'  compiling operators ({target}), {duration}, less after an interruption; '
        f'MAX_JOBS={jobs} CFLAGS="{flags}"; log: {work / "log"}'
    )
    if target != 'cpu':
        env.update(cuda_environment(python))
    command = [str(python), '-m', 'pip', 'wheel', '--verbose', '--no-deps']
    command += ['--no-build-isolation', '--wheel-dir', str(work), str(source)]
    call(command, env=env, log=work / 'log')
    return next(work.glob('*.whl'))


def build_environment(flags: str, python: Path = VENV_PYTHON) -> dict[str, str]:
    """The user's variables with flags, number of compilers, and Python's own ninja.

    torch takes the ninja on PATH. Without one it compiles file by file, and starts
    again after an interruption.
    """
    path = os.pathsep.join([str(python.parent), os.environ.get('PATH', os.defpath)])
    jobs = os.environ.get('MAX_JOBS') or str(compile_jobs())
    return dict(os.environ, CFLAGS=flags, MAX_JOBS=jobs, PATH=path)


def compiler_flags() -> str:
    """The user's CFLAGS, else Python's own without debug information.

    Setuptools replaces Python's flags by CFLAGS, so they are repeated here. `-g0` gives
    the same machine code in 60 % of the time; a lower -O saves little more.
    """
    return os.environ.get('CFLAGS') or f'{sysconfig.get_config_var("CFLAGS")} -g0'


def download_source(pin: str, source: Path) -> None:
    """Download and unpack the sdist; `source` exists only when it is complete."""
    source.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        command = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder]
        command += ['--no-build-isolation', '--no-binary', ':all:', pin]
        call([str(VENV_PYTHON), *command])
        unpacked = Path(folder) / 'unpacked'
        with tarfile.open(next(Path(folder).glob('*.tar.gz'))) as archive:
            archive.extractall(unpacked)
        next(unpacked.iterdir()).rename(source)


def wheel_cache() -> Path:
    home = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(home) / 'ckd_mm' / 'wheels'


def keep(wheel: Path, folder: Path) -> None:
    """Copy a wheel so that another process sees all of it or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f'{wheel.name}.{os.getpid()}'
    shutil.copyfile(wheel, part)
    part.replace(folder / wheel.name)
