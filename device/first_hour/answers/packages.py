"""Install what was carried along, for the processes of the other questions."""

from __future__ import annotations

import shutil
import sys
import tarfile
from pathlib import Path

from device.first_hour.answers.calls import python
from device.first_hour.places import CARRIED, SITE, Run

__all__ = ['SOURCE', 'add_fallback', 'install', 'is_carried', 'mmcv_source']

STAMP = SITE / '.installed'
SOURCE = CARRIED / 'work' / 'mmcv'
FALLBACK = Path(__file__).parents[1] / 'mmcv_ext.py'


def is_carried() -> bool:
    """Whether there are packages for this machine, or it has its own."""
    return any(CARRIED.glob('wheels/*.whl'))


def install(run: Run) -> str:
    """Install the wheels into a folder of their own, once.

    mmcv comes as source: its Python files at once, with torchvision's operators until
    its own are built.
    """
    if not is_carried():
        return f'none carried: those of {sys.executable}'
    wheels = sorted(CARRIED.glob('wheels/*.whl'))
    names = ' '.join(path.name for path in wheels)
    if STAMP.is_file() and STAMP.read_text() == names:
        return f'{len(wheels)} wheels, installed before'
    made_for, here = (CARRIED / 'python').read_text(), sys.version_info[:2]
    if made_for != '{}.{}'.format(*here):
        raise RuntimeError(
            f'carried packages are for Python {made_for}, this is {here}; run '
            '`prepare --python` again'
        )
    shutil.rmtree(SITE, ignore_errors=True)
    pip = ['-m', 'pip', 'install', '--no-index', '--no-deps']
    pip += ['--no-compile', '--no-cache-dir', '--target', str(SITE)]
    python([*pip, *map(str, wheels)])
    if not (SITE / 'mmcv').exists():
        _install_python_part(mmcv_source())
        add_fallback()
    STAMP.write_text(names)
    return f'{len(wheels)} wheels for Python {made_for}'


def mmcv_source() -> Path:
    """The unpacked source of mmcv, in the layout that the set-up compiles."""
    source = SOURCE / 'source'
    if not source.is_dir():
        with tarfile.open(next(CARRIED.glob('onedl_mmcv-*.tar.gz'))) as archive:
            archive.extractall(SOURCE / 'unpacked', filter='data')
        next((SOURCE / 'unpacked').iterdir()).rename(source)
    return source


def add_fallback() -> None:
    """Let mmcv have torchvision's operators instead of its own."""
    for path in (SITE / 'mmcv').glob('_ext*.so'):
        path.unlink()
    shutil.copy(FALLBACK, SITE / 'mmcv' / '_ext.py')


def _install_python_part(source: Path) -> None:
    shutil.copytree(source / 'mmcv', SITE / 'mmcv')
    lines = (source / 'PKG-INFO').read_text()
    number = next(
        line.split()[1] for line in lines.splitlines() if line.startswith('Version:')
    )
    info = SITE / f'onedl_mmcv-{number}.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text(lines)
