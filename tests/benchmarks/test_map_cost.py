"""A mistake on the command line of benchmarks/map_cost.py is a sentence."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ('words', 'sentence'),
    [
        pytest.param(
            ['--device', 'cuda'],
            'torch sees no GPU here; leave --device out, which needs none',
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason='has a GPU'),
        ),
        (
            ['--losses', 'CWDLoss', '--out', 'cwd.md'],
            '--out is for all losses; leave --losses out',
        ),
        (['--losses', 'CWD'], "invalid choice: 'CWD' (choose from"),
    ],
)
def test_it_says_what_is_wrong(
    words: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    monkeypatch.setattr('sys.argv', ['map_cost.py', *words])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / 'benchmarks' / 'map_cost.py'), run_name='__main__')
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err
