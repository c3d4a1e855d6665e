"""The table and its notes, from results that are written by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from PIL import Image

from ckd_mm.atomic import write_json
from ckd_mm.compare import Comparison, Run, draw, report, values_by_seed
from ckd_mm.compare.comparison import ALONE
from ckd_mm.compare.report import table

RESULTS = {ALONE: [80.0, 82.0, 84.0], 'KD': [81.0, 84.0, 87.0], 'CKD': [90.0, 82.0]}

Make = Callable[..., tuple[Comparison, list[Run]]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A comparison and its runs; of methods with fewer results some are lacking."""

    def finished(results: dict[str, list[float]], **changes: Any) -> Any:
        num_seeds = max(map(len, results.values()))
        students = {name: Config(dict(train_cfg=dict(n=1))) for name in results}
        seeds = list(range(num_seeds))
        comparison = Comparison(tmp_path / 'few.py', 'top1', seeds, students)
        runs = []
        for name, values in results.items():
            for seed in seeds:
                run = Run(name, seed, Config(), tmp_path / name / str(seed))
                run.folder.mkdir(parents=True)
                runs.append(run)
                if seed < len(values):
                    result = dict(
                        metrics=dict(top1=values[seed]),
                        seconds=0.1 * (seed + 1),
                        bytes=(seed + 1) * 2**20,
                        resumed=False,
                        commit='abc1234',
                    )
                    write_json(run.folder / 'result.json', {**result, **changes})
        return comparison, runs

    return finished


def written(make: Make, results: dict[str, list[float]], **changes: Any) -> str:
    comparison, runs = make(results, **changes)
    return report(comparison, runs, 'python x.py', 'few.png', {}, at_a_time=2)


def test_the_table_has_mean_spread_and_paired_interval(make: Make) -> None:
    """KD - alone: 1, 2, 3. CKD - alone, two seeds: 10, 0; 12.7062 * 7.07 / 1.41."""
    rows = table(*make(RESULTS)).splitlines()[2:]
    assert rows == [
        '| student alone | 80.00 / 82.00 / 84.00 | 82.00 | 2.00 |  | 0.2 s | 3 MiB |',
        '| KD | 81.00 / 84.00 / 87.00 | 84.00 | 3.00 | +2.00 ± 2.48 | 0.2 s | 3 MiB |',
        '| CKD | 90.00 / 82.00 / - | 86.00 | 5.66 | +5.00 ± 63.53 | 0.15 s | 2 MiB |',
    ]


def test_more_metrics_stand_beside_the_one_that_is_compared(make: Make) -> None:
    comparison, runs = make({ALONE: [0.4, 0.5], 'KD': [0.45], 'CKD': []})
    comparison = dataclasses.replace(comparison, more_metrics=['top5'])
    for run in runs:
        if run.result is not None:
            metrics = dict(
                run.result['metrics'], top5=run.result['metrics']['top1'] / 2
            )
            write_json(run.folder / 'result.json', dict(run.result, metrics=metrics))
    head, _, alone, kd, ckd = table(comparison, runs).splitlines()
    assert '| mean | spread | top5 | difference to' in head
    assert '| 0.450 | 0.071 | 0.225 (0.035) |' in alone
    assert '| 0.450 | - | 0.225 | +0.050 |' in kd
    assert '| - / - | - | - | - | - |' in ckd


def test_fractions_have_three_digits(make: Make) -> None:
    results = {ALONE: [0.4, 0.5], 'KD': [0.45, 0.55]}
    assert '| +0.050 ± 0.000 |' in table(*make(results))


def test_a_method_is_compared_with_the_student_alone_of_its_base(make: Make) -> None:
    names = ['a: student alone', 'a: KD', 'b: student alone', 'b: KD']
    values = [[1.0, 2.0], [2.0, 3.0], [4.0, 4.0], [7.0, 7.0]]
    comparison, runs = make(dict(zip(names, values, strict=True)))
    alone = dict(zip(names, [names[0]] * 2 + [names[2]] * 2, strict=True))
    comparison = dataclasses.replace(comparison, alone=alone)
    rows = table(comparison, runs).splitlines()[2:]
    gains = [row.split(' | ')[4].strip() for row in rows]
    assert gains == ['', '+1.00 ± 0.00', '', '+3.00 ± 0.00']


def test_the_range_of_a_group_is_paired_by_seed(make: Make) -> None:
    """a: 1 and 3, so 2 ± 12.7062; b: 0 and 0; their difference is -2."""
    results = {ALONE: [1.0, 1.0], 'p': [5.0, 5.0], 'q': [6.0, 8.0], 'r': [5.0, 5.0]}
    comparison, runs = make(results)
    groups = {'a': ['p', 'q'], 'b': ['p', 'r']}
    comparison = dataclasses.replace(comparison, groups=groups)
    text = report(comparison, runs, 'python x.py', 'few.png', {}, at_a_time=1)
    assert '| p, q | 1.00 / 3.00 | 2.00 ± 12.71 |  |' in text
    assert '| p, r | 0.00 / 0.00 | 0.00 ± 0.00 | -2.00 ± 12.71 |' in text
    assert 'It is above 0 by chance alone' in text


def test_what_a_training_before_costs_is_below_the_table(make: Make) -> None:
    comparison, runs = make({ALONE: [1.0, 2.0], 'before KD': [0.0, 0.0]})
    del comparison.students['before KD']
    runs = [
        dataclasses.replace(run, is_first=run.method == 'before KD') for run in runs
    ]
    text = report(comparison, runs, 'python x.py', 'few.png', {}, at_a_time=1)
    assert '- Before KD: 0.15 s per iteration, beside what the table has.' in text
    assert '| before KD' not in text


def test_one_seed_has_no_interval_and_the_report_says_so(make: Make) -> None:
    text = written(make, {ALONE: [80.0], 'KD': [81.0]})
    assert '| KD | 81.00 | 81.00 | - | +1.00 | 0.1 s |' in text
    assert 'One seed: there is no spread and no interval' in text
    assert '95 %' not in text


def test_a_method_without_a_result_is_in_the_table(make: Make) -> None:
    text = written(make, {ALONE: [80.0, 81.0], 'KD': []})
    assert '| KD | - / - | - | - | - | - | - |' in text
    assert 'Not finished: KD, seed 0; KD, seed 1.' in text


def test_what_qualifies_the_numbers_is_below_the_table(make: Make) -> None:
    comparison, runs = make(RESULTS, resumed=True)
    comparison.students['KD'].train_cfg.n = 2
    failures = {'CKD, seed 2': 'The end of the log:\n\nValueError: too bad'}
    text = report(comparison, runs, 'python x.py', 'few.png', failures, at_a_time=2)
    assert 'KD differs from the base in train_cfg as well.' in text
    assert 'resumed from a checkpoint: student alone, seed 0;' in text
    assert 'CKD, seed 2 failed: ValueError: too bad' in text
    for said in ('`python x.py`', 'Commit: abc1234', 'PyTorch', 'up to 2 at a time'):
        assert said in text
    assert text.index('| KD |') < text.index('few.png') < text.index('Command')


@pytest.mark.parametrize('results', [RESULTS, {ALONE: [1.0], 'KD': []}])
@pytest.mark.parametrize('suffix', ['png', 'svg'])
def test_the_plot_is_drawn(
    make: Make, tmp_path: Path, results: dict[str, list[float]], suffix: str
) -> None:
    path = tmp_path / f'few.{suffix}'
    draw(path, values_by_seed(*make(results)), 'top1')
    if suffix == 'png':
        assert Image.open(path).width > 500
    else:
        assert 'difference to the student alone' in path.read_text()
