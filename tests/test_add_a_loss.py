"""The example of docs/add_a_loss.md is complete: a project that has it passes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = 'CHANGELOG.md', 'CONTRIBUTING.md', 'model-index.yml', 'pyproject.toml'
FOLDERS = 'benchmarks', 'ckd_mm', 'configs', 'docs', 'maintenance', 'tests', 'tools'
TESTS = (
    'ckd_mm',
    'tests/losses',
    'tests/configs',
    'tests/maintenance/test_coverage.py',
)
NEW_FILE = re.compile(r'^`([\w./-]+)`\n\n(`{3,})\w+\n(.*?)^\2\n', re.M | re.S)
LISTS = {
    'ckd_mm/functional/__init__.py': 'import logitmse_loss\n',
    'ckd_mm/losses/__init__.py': 'import LogitMSELoss\n',
    'docs/methods.md': '| [`LogitMSELoss`](methods/logitmse.md) |',
    'configs/README.md': '| [logitmse_r18-w16-r18-w2_20e_digits.py](',
}
DIFF = re.compile(r'^```diff\n(.*?)^```\n', re.M | re.S)


@pytest.fixture(scope='module')
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with all that the page adds."""
    root = tmp_path_factory.mktemp('project')
    for name in FILES:
        shutil.copy(ROOT / name, root / name)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name)
    page = (ROOT / 'docs/add_a_loss.md').read_text()
    for path, _, text in NEW_FILE.findall(page):
        (root / path).write_text(text)
    for diff in DIFF.findall(page):
        apply(diff, root)
    subprocess.run([sys.executable, '-m', 'maintenance.lists'], cwd=root, check=True)
    return root


def apply(diff: str, root: Path) -> None:
    """Put each `+` below the line that starts as its context, or at the file's end."""
    for change in diff.split('+++ ')[1:]:
        path, *lines = change.splitlines()
        text = (root / path).read_text().splitlines()
        place = len(text)
        for line in lines:
            if line.startswith('+'):
                text.insert(place, line[1:])
                place += 1
            else:
                starts = [old.startswith(line[1:]) for old in text]
                assert any(starts), f'{path} has no line that starts with {line[1:]}'
                place = starts.index(True) + 1
        (root / path).write_text('\n'.join(text) + '\n')


def test_the_lists_are_written_rather_than_edited(project: Path) -> None:
    edited = {
        change.split('\n')[0]
        for diff in DIFF.findall((ROOT / 'docs/add_a_loss.md').read_text())
        for change in diff.split('+++ ')[1:]
    }
    assert not edited & set(LISTS)
    for path, line in LISTS.items():
        assert line not in (ROOT / path).read_text()
        assert line in (project / path).read_text(), path


@pytest.mark.parametrize(
    'command',
    ['maintenance.lists --check', 'ruff check ckd_mm', 'ruff format --check ckd_mm'],
)
def test_nothing_is_left_to_write_or_to_format(project: Path, command: str) -> None:
    command_line = [sys.executable, '-m', *command.split()]
    result = subprocess.run(command_line, cwd=project, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_a_project_with_the_example_passes_the_tests_of_a_loss(project: Path) -> None:
    command = [sys.executable, '-m', 'pytest', '-rA', *TESTS]
    command += ['-k', 'logitmse or all_losses_of_a_kind']
    result = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    passed = re.findall(r'^PASSED .*?(\w+)\.py::', result.stdout, re.M)
    assert set(passed) == {
        'logitmse',  # its doctests
        'test_battery',
        'test_compare',
        'test_configs',
        'test_comparisons',
        'test_coverage',
        'test_deterministic',
        'test_modules',
        'test_one_class',
        'test_registered',
        'test_takes',
        'test_zoo_pairs',
    }
