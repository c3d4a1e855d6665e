"""Every ranking under configs/rank: its models are the links of a chain."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ckd_mm.chain import read_chain
from ckd_mm.ranking import read_ranking

from .catalog import metafiles_read_once

ROOT = Path(__file__).parents[2]
RANKINGS = sorted((ROOT / 'configs/rank').glob('*.py'))


@pytest.mark.parametrize('path', RANKINGS, ids=lambda path: path.stem)
def test_it_is_documented_and_its_models_are_those_of_its_chain(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    kind = path.stem.removeprefix('digits_')
    document = ast.get_docstring(ast.parse(path.read_text())) or ''
    assert f'python tools/rank_{kind}.py configs/rank/{path.name}' in document
    assert f'(rank/{path.name})' in (ROOT / 'configs/README.md').read_text()
    weights = tmp_path / 'student.pth'
    weights.touch()
    options = {} if kind == 'students' else {'student.checkpoint': str(weights)}
    with metafiles_read_once():
        ranking = read_ranking(path, kind, options)
        chain = read_chain(ROOT / 'configs/chains' / path.name)
    for name, model in ranking.models.items():
        backbones = [one.cfg.model.backbone for one in (model, chain.links[name])]
        assert backbones[0] == backbones[1], name
        if kind == 'teachers':
            taught = [list(link.teachers) for link in chain.links.values()]
            assert taught.count([name]) == 1
    assert ranking.reference is not None
