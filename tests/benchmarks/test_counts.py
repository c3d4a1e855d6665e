"""What is counted of a package is what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.counts import circles, counts, imports, table

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / 'ckd_mm'
    files = {
        '__init__': 'from ckd_mm import a, b',
        'a': 'from ckd_mm.b import x',
        'b/__init__': '',
        'b/one': 'def f():\n    from ckd_mm.c import y',
        'c': 'import ckd_mm.a',
        'd': 'if TYPE_CHECKING:\n    from ckd_mm.e import z',
        'e': 'from ckd_mm.d import w',
    }
    for name, text in files.items():
        path = folder / f'{name}.py'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_circle_of_packages_is_found_also_by_imports_in_functions(
    package: Path,
) -> None:
    assert circles(imports(package)) == [['a', 'b', 'c']]


def test_imports_for_type_checkers_make_no_circle(package: Path) -> None:
    assert imports(package)['d'] == set()


def test_this_package_has_no_circle_and_no_long_function() -> None:
    found = counts(ROOT)
    assert found['packages in a circle'] == 'none'
    assert found['functions of the package over 50 lines, docstrings left out'] == 0
    assert found['probes written by hand in package and tests'] == 0


def test_a_table_has_both_counts() -> None:
    lines = table({'x': 1}, {'x': 2, 'y': 'none'}).splitlines()
    assert lines[2:] == ['| x | 1 | 2 |', '| y |  | none |']
