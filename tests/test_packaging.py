"""What an installed user gets, and that versions are pinned in one place."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from setup_env.paths import PINS, ROOT, read_pins

BUILDS = (
    '.git',
    '.venv',
    '.mim',
    '.gpu',
    '.*_cache',
    'build',
    'dist',
    '*.egg-info',
    '__pycache__',
)
RUNS = 'checkpoints', 'data', 'work_dirs'


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy, so that the checkout stays clean, and without a network."""
    folder = tmp_path_factory.mktemp('wheel')
    source = copy_of_the_checkout(folder)
    pip = [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-index']
    pip += ['--no-build-isolation', '--wheel-dir', str(folder), str(source)]
    result = subprocess.run(pip, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return zipfile.ZipFile(next(folder.glob('*.whl')))


def copy_of_the_checkout(folder: Path) -> Path:
    ignore = shutil.ignore_patterns(*BUILDS, *RUNS)
    return Path(shutil.copytree(ROOT, folder / 'source', ignore=ignore))


@pytest.fixture(scope='module')
def sdist(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files in the sdist, without its top folder."""
    source = copy_of_the_checkout(tmp_path_factory.mktemp('sdist'))
    build = 'from setuptools.build_meta import build_sdist as b; print(b("dist"))'
    command = [sys.executable, '-c', build]
    result = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    with tarfile.open(next(source.glob('dist/*.tar.gz'))) as archive:
        return {name.partition('/')[2] for name in archive.getnames()}


def files_below(folder: Path) -> set[str]:
    """Files that belong to the project, relative to `folder`."""
    every = (path for path in folder.rglob('*') if path.is_file())
    return {
        str(path.relative_to(folder))
        for path in every
        if '__pycache__' not in path.parts
    }


def test_the_wheel_has_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    expected = {
        f'ckd_mm/{name}'
        for name in files_below(ROOT / 'ckd_mm')
        if not name.startswith('.mim/')
    }
    assert 'ckd_mm/py.typed' in expected
    assert expected <= set(wheel.namelist())


def test_the_sdist_has_all_that_a_wheel_is_made_of(sdist: set[str]) -> None:
    folders = 'ckd_mm', 'configs', 'tools'
    files = {
        f'{folder}/{name}' for folder in folders for name in files_below(ROOT / folder)
    }
    files |= {'setup.py', 'pyproject.toml', 'model-index.yml', 'README.md', 'LICENSE'}
    assert not {name for name in files if '/.mim/' not in name} - sdist


def test_the_sdist_has_all_that_make_needs(sdist: set[str]) -> None:
    """A Makefile and tests alone say that they work, and do not."""
    copied = '.ci .github benchmarks configs device docs maintenance requirements'
    folders = [*copied.split(), 'setup_env', 'tests', 'tools']
    files = {
        f'{folder}/{name}' for folder in folders for name in files_below(ROOT / folder)
    }
    files |= {'Makefile', 'Dockerfile', 'mkdocs.yml', '.importlinter', 'CHANGELOG.md'}
    assert not files - sdist


@pytest.mark.parametrize('folder', ['configs', 'tools'])
def test_the_wheel_ships_configs_and_tools(wheel: zipfile.ZipFile, folder: str) -> None:
    expected = {f'ckd_mm/.mim/{folder}/{name}' for name in files_below(ROOT / folder)}
    assert expected
    assert expected <= set(wheel.namelist())


def test_the_wheel_ships_the_model_index(wheel: zipfile.ZipFile) -> None:
    assert 'ckd_mm/.mim/model-index.yml' in wheel.namelist()


def test_the_wheel_has_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split('/')[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith('.dist-info')} == {'ckd_mm'}


def test_the_wheel_does_not_require_the_openmmlab_packages(
    wheel: zipfile.ZipFile,
) -> None:
    metadata = next(name for name in wheel.namelist() if name.endswith('/METADATA'))
    lines = wheel.read(metadata).decode().splitlines()
    required = [
        line.split(': ')[1] for line in lines if line.startswith('Requires-Dist')
    ]
    always = {
        re.split(r'[<>=;\s]', name)[0] for name in required if 'extra' not in name
    }
    assert always == {'torch', 'numpy', 'packaging'}
    assert any('onedl-mmdetection' in name and 'mmdet' in name for name in required)


def test_the_licence_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    assert any(name.endswith('licenses/LICENSE') for name in wheel.namelist())


def test_versions_are_pinned_in_one_place_only() -> None:
    names = '|'.join(re.escape(name) for name in read_pins(PINS))
    pin = re.compile(rf'\b(?:{names})(?:\[[\w,]+\])?==\d')
    texts = (
        '*.md',
        'docs/**/*.md',
        '*.py',
        '*.toml',
        'Makefile',
        '.ci/*',
        'setup_env/*',
    )
    found = {
        f'{path.relative_to(ROOT)}: {line.strip()}'
        for pattern in texts
        for path in ROOT.glob(pattern)
        if path.is_file() and path.suffix != '.pyc'
        for line in path.read_text(encoding='utf-8').splitlines()
        if pin.search(line)
    }
    assert not found, f'give the version in {PINS.name} instead'


def test_every_developer_tool_is_pinned() -> None:
    text = (ROOT / 'setup.py').read_text(encoding='utf-8')
    named = re.findall(r"'([a-z][\w-]*)(?:[<>=][^']*)?'", text[text.index('ENGINE') :])
    wanted = {'onedl-mmcv', 'onedl-mmdetection', 'pytest', 'ruff', 'mypy', 'ninja'}
    assert wanted <= set(named) & set(read_pins(PINS))


@pytest.fixture(scope='module')
def installed(
    wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command of an installed wheel, run in an empty folder."""
    folder = tmp_path_factory.mktemp('installed')
    pip = [sys.executable, '-m', 'pip', 'install', '--no-deps', '--no-index']
    pip += ['--quiet', '--target', str(folder), str(wheel.filename)]
    subprocess.run(pip, check=True)
    elsewhere = tmp_path_factory.mktemp('elsewhere')

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(folder / 'bin/ckd_mm'), *arguments],
            cwd=elsewhere,
            env=dict(os.environ, PYTHONPATH=str(folder)),
            capture_output=True,
            text=True,
        )

    return run


def test_an_installed_wheel_runs_its_own_tools_from_any_folder(
    installed: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    result = installed('demo', '--help')
    assert result.returncode == 0, result.stderr
    assert 'usage: demo.py' in result.stdout


def test_a_tool_that_does_not_exist_is_an_error_with_the_nearest_name(
    installed: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    wrong = installed('tran')
    assert wrong.returncode == 1
    assert "did you mean 'train'" in wrong.stderr
