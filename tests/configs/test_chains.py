"""Every chain under configs/chains: it says how it is run, and can be planned."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ckd_mm.chain import plan_chain, read_chain

from .catalog import metafiles_read_once

ROOT = Path(__file__).parents[2]
CHAINS = sorted((ROOT / 'configs/chains').glob('*.py'))


@pytest.mark.parametrize('path', CHAINS, ids=lambda path: path.stem)
def test_it_is_documented_and_every_run_can_be_planned(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    document = ast.get_docstring(ast.parse(path.read_text())) or ''
    assert f'python tools/chain.py configs/chains/{path.name}' in document
    assert path.name in (ROOT / 'configs/README.md').read_text()
    with metafiles_read_once():
        chain = read_chain(path)
    runs = plan_chain(chain, tmp_path)
    assert f'{len(chain.seeds)} seeds' in document, 'the docstring counts them'
    assert set(re.findall(r'(\d+) runs', document)) == {str(len(runs))}, path
    assert chain.baseline, 'so that the table has intervals'
