"""benchmarks/map_cost.py: its figures, and a sentence for a mistake."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

from maintenance.tables import rows

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


@pytest.mark.parametrize('name', ['ATLoss', 'CATKDLoss', 'HardKDLoss', 'TaTLoss'])
def test_the_report_has_what_is_measured_today(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenth more or less is left to other versions of PyTorch."""
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    tool = runpy.run_path(str(ROOT / 'benchmarks' / 'map_cost.py'))
    report = [row for row in rows('map_cost', 'loss') if row['loss'] == name]
    measured = [line.split(' | ')[1:] for line in tool['_rows']('fake', [name])]
    assert [row['of'] for row in report] == [of for of, *_ in measured]
    for row, (_, *figures) in zip(report, measured, strict=True):
        said = [number(cell) for cell in list(row.values())[2:6]]
        assert list(map(number, figures)) == pytest.approx(said, rel=0.1)


def number(cell: str) -> float:
    return float(cell.strip(' |').replace(',', ''))
