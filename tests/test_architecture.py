"""The shape of the package: who imports whom, and what a reader finds where."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from ckd_mm.renamed import MODULES
from maintenance.architecture import layers, texts

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'ckd_mm'


def test_the_import_rules_hold() -> None:
    """Layers that are exhaustive leave no circle of packages."""
    tool = Path(sys.executable).with_name('lint-imports')
    done = subprocess.run(
        [tool, '--no-cache'], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert '0 broken' in done.stdout


def test_the_rules_name_every_package() -> None:
    ruled = {name for line in layers() for name in line}
    found = {
        path.stem for path in PACKAGE.iterdir() if not path.name.startswith(('_', '.'))
    }
    assert ruled == found - {'py'}


def test_the_pages_say_what_the_rules_say() -> None:
    stale = [path.name for path, text in texts().items() if path.read_text() != text]
    assert not stale, f'run make architecture: {stale} are stale'


def test_kinds_of_teachers_are_told_apart_in_teachers_alone() -> None:
    kinds = re.compile(
        r'isinstance\([^)]*\b(\w*Teacher|TeacherKind|ModelView|StoredView)\b'
    )
    found = [
        path.relative_to(ROOT)
        for path in PACKAGE.rglob('*.py')
        if kinds.search(path.read_text()) and 'teachers' not in path.parts
    ]
    assert found == []


def test_a_step_is_one_function_of_about_20_lines() -> None:
    tree = ast.parse((PACKAGE / 'engine' / 'distiller.py').read_text())
    (step,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == 'step'
    )
    first = step.body[1]  # after its docstring
    assert step.end_lineno is not None
    assert step.end_lineno - first.lineno < 25
    page = (ROOT / 'docs' / 'explanation' / 'one-step.md').read_text()
    quoted = re.findall(r'```python\n(.*?)```', page, re.DOTALL)
    source = (PACKAGE / 'engine' / 'distiller.py').read_text().splitlines()
    code = {line.strip() for line in source[step.lineno : step.end_lineno]}
    for block in quoted[:3]:
        for line in block.strip().splitlines():
            assert line.strip() in code, line


def test_every_file_is_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in PACKAGE.rglob('*.py')
        if (lines := len(path.read_text().splitlines())) > 300
    }
    assert long == {}


def test_a_glossary_has_at_most_15_words_each_of_a_phrase() -> None:
    page = (ROOT / 'docs' / 'explanation' / 'architecture.md').read_text()
    words = page.split('## Words')[1].split('##')[0]
    rows = [line for line in words.splitlines() if line.startswith('| ')][1:]
    assert 0 < len(rows) <= 15
    assert all(len(row) < 120 for row in rows)


@pytest.mark.parametrize('old', sorted(MODULES))
def test_a_module_of_before_is_found_by_its_old_name_with_a_warning(old: str) -> None:
    new = MODULES[old]
    sys.modules.pop(f'ckd_mm.{old}', None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        module = importlib.import_module(f'ckd_mm.{old}')
    assert any(f'ckd_mm.{new} now' in str(one.message) for one in caught)
    known = importlib.import_module(f'ckd_mm.{new}')
    for name in getattr(known, '__all__', []):
        assert getattr(module, name) is getattr(known, name)
