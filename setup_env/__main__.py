"""The steps of the set-up, in order, and what makes each of them run again."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from setup_env import machine
from setup_env.mmcv import install_headless_opencv, install_mmcv
from setup_env.paths import APART, PINS, ROOT, VENV, VENV_PYTHON, SetupError, read_pins
from setup_env.process import call, clock, pip_install, say

__all__ = ['Step', 'main', 'remove_torn_packages']

BUILD_TOOLS = ('setuptools', 'wheel', 'ninja', 'packaging', 'psutil', 'click')
IMPORT_ALL = 'import ckd_mm, mmcv.ops, mmdet.apis, mmpretrain.apis, pycocotools.mask'


@dataclass(frozen=True)
class Step:
    """A part of the set-up; it runs again when `depends_on` is not what it was."""

    name: str
    title: str
    depends_on: str
    action: Callable[[], None]
    stamps: Path = VENV / '.stamps'

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.depends_on.encode()).hexdigest()

    def is_current(self) -> bool:
        stamp = self.stamps / self.name
        return stamp.is_file() and stamp.read_text() == self.digest

    def perform(self) -> None:
        """Run it. An interruption leaves no stamp: the next run repeats the step."""
        stamp = self.stamps / self.name
        stamp.unlink(missing_ok=True)
        say(self.title)
        start = time.monotonic()
        self.action()
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(self.digest)
        say(f'  done in {clock(time.monotonic() - start)}')


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # As nohup sets it.
            signal.signal(number, interrupt)
    try:
        with lock():
            set_up()
    except SetupError as error:
        print(f'\n[setup] {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('\n[setup] interrupted; the same command goes on here', file=sys.stderr)
        return 130
    return 0


def set_up() -> None:
    todo = [step for step in steps() if not step.is_current()]
    if not todo:
        return
    say(f'{VENV}, Python {sys.executable}; to do: {", ".join(s.name for s in todo)}')
    problems = machine.problems({step.name for step in todo})
    if problems:
        raise SetupError('this machine lacks:\n  * ' + '\n  * '.join(problems))
    start = time.monotonic()
    for step in todo:
        remove_torn_packages(VENV)
        step.perform()
    say(f'ready after {clock(time.monotonic() - start)}')


def steps() -> list[Step]:
    """All steps. One that must follow another one's change depends on its pins too."""
    pins = read_pins()
    tools = [pins[name] for name in BUILD_TOOLS]
    torch = [pins[name] for name in ('torch', 'torchvision', 'numpy')]
    mmcv = [*torch, pins['onedl-mmcv']]
    packaging = [PINS, ROOT / 'setup.py', ROOT / 'pyproject.toml']
    return [
        Step('venv', 'virtual environment', str(VENV), make_venv),
        Step('tools', ', '.join(tools), str(tools), lambda: pip_install(*tools)),
        Step(
            'torch',
            f'{", ".join(torch)}: 3 GB to download, 2 minutes on a fast line',
            str(torch),
            lambda: pip_install(*torch),
        ),
        Step('mmcv', f'{pins["onedl-mmcv"]}, the slow one', str(mmcv), install_mmcv),
        Step(
            'ckd_mm',
            'mmengine, mmdet, mmpretrain, the developer tools, ckd_mm (editable)',
            str(mmcv) + ''.join(path.read_text() for path in packaging),
            install_package,
        ),
        Step(
            'mmdeploy',
            f'{pins["mmdeploy"]}, in a folder of its own',
            pins['mmdeploy'],
            lambda: install_apart(pins['mmdeploy']),
        ),
    ]


def make_venv() -> None:
    call([sys.executable, '-m', 'venv', str(VENV)])


def install_package() -> None:
    extras = f'{ROOT}[mmdet,mmpretrain,dev]'
    pip_install('--no-build-isolation', '--editable', extras)
    install_headless_opencv()
    call([str(VENV_PYTHON), '-m', 'pip', 'check'])
    call([str(VENV_PYTHON), '-W', 'ignore', '-c', IMPORT_ALL])


def install_apart(package: str) -> None:
    """Where Python does not look: what the package asks for would break the others.

    There are wheels for 64-bit Linux alone; the tests that need them say so elsewhere.
    """
    if (sys.platform, platform.machine()) == ('linux', 'x86_64'):
        pip_install('--no-deps', '--upgrade', '--target', str(APART), package)


def remove_torn_packages(venv: Path) -> None:
    """Let pip install again what an interruption left half installed.

    pip writes RECORD last, but takes any `.dist-info` for an installed package.
    """
    for info in venv.glob('lib/python*/site-packages/*.dist-info'):
        if not (info / 'RECORD').exists():
            say(f'half installed, starting again: {info.name}')
            shutil.rmtree(info)
    for moved_away in venv.glob('lib/python*/site-packages/~*'):
        shutil.rmtree(moved_away, ignore_errors=True)


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """One set-up at a time in a checkout."""
    VENV.mkdir(exist_ok=True)
    with (VENV / '.setup.lock').open('w') as file:
        os.set_inheritable(file.fileno(), True)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say('another set-up is running here; waiting for it')
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == '__main__':
    sys.exit(main())
