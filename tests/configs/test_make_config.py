"""A config that tools/make_config.py makes equals the file of that name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.make_config import write

from .catalog import RECIPES, ROOT, loaded

FILES = [
    path
    for path in RECIPES
    if (ROOT / path).exists()
    and '/pairs/' in (ROOT / path).read_text()
    and 'clip_grad' not in (ROOT / path).read_text()
]  # without those that have the teacher and the clipping of one published run


def test_crosskd_is_among_the_methods() -> None:
    made = {path.rsplit('/', 1)[1].split('_')[0] for path in FILES}
    assert {'crosskd-boxes', 'crosskd-edges', 'ckd-crosskd-boxes'} <= made


@pytest.mark.parametrize('path', FILES)
def test_a_made_config_equals_the_file(path: str, tmp_path: Path) -> None:
    made = tmp_path / 'made.py'
    made.write_text(write(RECIPES[path], tmp_path))
    assert loaded(str(made)).to_dict() == loaded(path).to_dict()
