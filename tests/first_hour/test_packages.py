"""What was carried is installed once, and mmcv always has operators."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from device.first_hour.answers import operators, packages
from device.first_hour.places import Run
from setup_env.paths import SetupError

HERE = '{}.{}'.format(*sys.version_info)


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with one wheel, and with a source of mmcv."""
    folder, site = tmp_path / 'carried', tmp_path / 'site'
    for name, path in dict(
        CARRIED=folder, SITE=site, STAMP=site / '.installed', SOURCE=folder / 'mmcv'
    ).items():
        monkeypatch.setattr(packages, name, path)
        monkeypatch.setattr(operators, name, path, raising=False)
    (folder / 'wheels').mkdir(parents=True)
    (folder / 'python').write_text(HERE)
    _write_wheel(folder / 'wheels' / 'small-1.0-py3-none-any.whl')
    source = tmp_path / 'onedl_mmcv-9.9'
    (source / 'mmcv').mkdir(parents=True)
    (source / 'mmcv' / '__init__.py').write_text('from mmcv import _ext\n')
    (source / 'PKG-INFO').write_text(
        'Metadata-Version: 2.1\nName: onedl-mmcv\nVersion: 9.9\n'
    )
    with tarfile.open(folder / 'onedl_mmcv-9.9.tar.gz', 'w:gz') as archive:
        archive.add(source, source.name)
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path, tmp_path, dry=False)


def _write_wheel(path: Path) -> None:
    info = 'small-1.0.dist-info'
    with zipfile.ZipFile(path, 'w') as wheel:
        wheel.writestr('small.py', 'VALUE = 1\n')
        wheel.writestr(
            f'{info}/METADATA', 'Metadata-Version: 2.1\nName: small\nVersion: 1.0\n'
        )
        wheel.writestr(
            f'{info}/WHEEL',
            'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
        )
        wheel.writestr(f'{info}/RECORD', '')


def test_carried_packages_are_installed_once(carried: Path, run: Run) -> None:
    assert packages.install(run) == f'1 wheels for Python {HERE}'
    code = (
        'import small, mmcv; from importlib.metadata import version\n'
        "print(small.VALUE, version('onedl-mmcv'), mmcv._ext.get_compiler_version())"
    )
    found = subprocess.run(
        [sys.executable, '-c', code],
        env={'PYTHONPATH': str(packages.SITE)},
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == "1 9.9 none: torchvision's operators", found.stderr
    assert packages.install(run) == '1 wheels, installed before'


def test_packages_for_another_python_are_refused(carried: Path, run: Run) -> None:
    (carried / 'python').write_text('3.8')
    with pytest.raises(RuntimeError, match=r'for Python 3\.8, .*prepare --python'):
        packages.install(run)


def test_nothing_carried_means_the_packages_of_this_python(
    carried: Path, run: Run
) -> None:
    next(carried.glob('wheels/*.whl')).unlink()
    assert packages.install(run).startswith('none carried: those of ')
    assert not packages.SITE.exists()


def test_operators_that_cannot_be_built_leave_those_of_torchvision(
    monkeypatch: pytest.MonkeyPatch, carried: Path, run: Run
) -> None:
    packages.install(run)
    monkeypatch.setattr(operators, 'cuda_target', lambda python: 'cuda 9.0')
    monkeypatch.setattr(operators, 'compile_mmcv', lambda *_: raise_('no compiler'))
    with pytest.raises(SetupError, match='no compiler'):
        operators.build(run)
    assert (packages.SITE / 'mmcv' / '_ext.py').is_file()


def test_operators_that_do_not_run_leave_those_of_torchvision(
    monkeypatch: pytest.MonkeyPatch, carried: Path, run: Run, tmp_path: Path
) -> None:
    built = tmp_path / 'onedl_mmcv-9.9-py3-none-any.whl'
    _write_wheel(tmp_path / 'small-1.0-py3-none-any.whl')
    (tmp_path / 'small-1.0-py3-none-any.whl').rename(built)

    def installs(arguments: list[str]) -> str:
        (packages.SITE / 'mmcv' / '_ext.py').unlink()
        (packages.SITE / 'mmcv' / '_ext.cpython.so').touch()
        return ''

    packages.install(run)
    monkeypatch.setattr(operators, 'cuda_target', lambda python: 'cuda 9.0')
    monkeypatch.setattr(operators, 'compile_mmcv', lambda *_: built)
    monkeypatch.setattr(operators, 'python', installs)
    monkeypatch.setattr(operators, 'run_operators', lambda *_: raise_('no kernel'))
    out = tmp_path / 'out'
    out.mkdir()
    with pytest.raises(SetupError, match='no kernel'):
        operators.build(Run(tmp_path, out, dry=False))
    assert [path.name for path in (packages.SITE / 'mmcv').glob('_ext*')] == ['_ext.py']
    assert not list(out.iterdir()), 'a wheel that does not run is kept'


def test_carried_operators_that_do_not_run_here_are_compiled(
    monkeypatch: pytest.MonkeyPatch, carried: Path, run: Run
) -> None:
    packages.install(run)
    (packages.SITE / 'mmcv' / '_ext.py').unlink()  # as a carried wheel leaves it
    (packages.SITE / 'mmcv' / '_ext.cpython.so').touch()
    monkeypatch.setattr(operators, 'run_operators', lambda *_: raise_('no kernel'))
    monkeypatch.setattr(operators, 'cuda_target', lambda python: 'cuda 9.0')
    monkeypatch.setattr(operators, 'compile_mmcv', lambda *_: raise_('compiling'))
    with pytest.raises(SetupError, match='compiling'):
        operators.build(run)


def raise_(text: str) -> Path:
    raise SetupError(text)
