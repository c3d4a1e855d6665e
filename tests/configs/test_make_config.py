"""A config that tools/make_config.py makes equals the file of that name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.make_config import recipes, write

from .catalog import ROOT, loaded

RECIPES = {recipe.home.relative_to(ROOT).as_posix(): recipe for recipe in recipes()}
KEPT = [path for path in RECIPES if (ROOT / path).exists()]


@pytest.mark.parametrize('path', KEPT)
def test_a_made_config_equals_the_file(path: str, tmp_path: Path) -> None:
    made = tmp_path / 'made.py'
    made.write_text(write(RECIPES[path], tmp_path))
    assert loaded(str(made)).to_dict() == loaded(path).to_dict()
