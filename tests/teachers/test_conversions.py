"""What a model converts while it loads is as in MMEngine's own loader, bit for bit."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from mmengine.runner import load_checkpoint

from ckd_mm.teachers import load_weights
from ckd_mm.teachers.loading import checkpoint

from .conversions import CONVERSIONS, REFUSED, SOURCES, Conversion
from .zoo_models import build, libraries

CONVERTS = re.compile(
    r'def _load_from_state_dict|register_load_state_dict_(?:pre|post)_hook\('
)
PAGE = Path(__file__).parents[2] / 'docs/loading.md'


pytestmark = pytest.mark.usefixtures('quiet')


@pytest.fixture(autouse=True)
def _libraries(imported: None) -> Iterator[None]:
    with libraries():
        yield


def write(row: Conversion, path: Path) -> dict[str, Any]:
    """The row's file; the state of the model that has written it."""
    state = build((row.saved or row.model)(), seed=0).state_dict()
    torch.save(dict(state_dict=row.file(dict(state)), meta={}), path)
    return state


@pytest.mark.parametrize('row', CONVERSIONS, ids=lambda row: row.name)
def test_a_file_that_the_model_converts_loads_as_in_mmengine(
    row: Conversion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / 'file.pth')
    before = write(row, Path(path))
    stock, ours = build(row.model(), seed=1), build(row.model(), seed=2)
    load_checkpoint(stock, path)
    warned: list[str] = []
    monkeypatch.setattr(checkpoint, 'print_log', lambda text, **_: warned.append(text))
    load_weights(ours, path)
    expected = stock.state_dict()
    assert ours.state_dict().keys() == expected.keys()
    for name, value in ours.state_dict().items():
        assert torch.equal(value, expected[name]), name
        assert not row.renamed or torch.equal(value, before[name]), name
    assert len(warned) == bool(row.ignored)
    assert not warned or row.ignored in warned[0]


@pytest.mark.parametrize('row', REFUSED, ids=lambda row: row.name)
def test_a_file_that_leaves_a_model_half_loaded_is_refused(
    row: Conversion, tmp_path: Path
) -> None:
    write(row, tmp_path / 'file.pth')
    with pytest.raises(ValueError, match=row.ignored):
        load_weights(build(row.model(), seed=1), str(tmp_path / 'file.pth'))


def test_tables_that_scipy_no_longer_resizes_are_refused(tmp_path: Path) -> None:
    row = next(row for row in CONVERSIONS if row.name.startswith('Swin, another'))
    write(row, tmp_path / 'file.pth')
    removed = NotImplementedError('`interp2d` has been removed in SciPy 1.14.0.\nUse')
    with (
        mock.patch('scipy.interpolate.interp2d', side_effect=removed),
        pytest.raises(
            ValueError, match='own loading code failed with .*`interp2d`'
        ) as e,
    ):
        load_weights(build(row.model(), seed=1), str(tmp_path / 'file.pth'))
    assert len(str(e.value).splitlines()) == 1


def test_every_row_is_in_the_table_of_the_page() -> None:
    page = PAGE.read_text()
    missing = [row.name for row in CONVERSIONS + REFUSED if f'`{row.name}`' not in page]
    assert not missing


def test_every_place_where_the_libraries_convert_has_a_row() -> None:
    found = set()
    for package in ('mmcv', 'mmdet', 'mmpretrain'):
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.origin is not None
        root = Path(spec.origin).parent
        for path in root.rglob('*.py'):
            if CONVERTS.search(path.read_text()):
                found.add(path.relative_to(root.parent).as_posix())
    assert found == SOURCES
