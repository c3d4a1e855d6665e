"""benchmarks/suggest_regret.py trains what it says, and counts the regret from it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from ckd_mm.engine.terms import build_terms

ROOT = Path(__file__).parents[2]


@pytest.fixture
def regret(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    monkeypatch.chdir(ROOT)
    return importlib.import_module('suggest_regret')


def test_a_grid_the_proposals_and_shares_of_the_gradient_are_trained(
    regret: Any,
) -> None:
    proposed = {'0.5': dict(temperature=8.0, loss_weight=0.04)}
    num, data = 0, regret.DATA['images']
    for name, path in data.configs.items():
        cfg = Config.fromfile(path)
        before = cfg.to_dict()
        found = regret.methods_of(name, cfg, data.grids[name], proposed)
        assert cfg.to_dict() == before
        num += len(found)
        terms = {title: build_terms(one['distill'])[0] for title, one in found.items()}
        settings = {(t.loss.loss_weight, t.loss.temperature) for t in terms.values()}
        assert len(settings & {(0.3, 1.0), (0.04, 8.0)}) == 2
        schedule: Any = terms[f'{name} GradientShare 0.5'].schedule
        assert (schedule.share, schedule.modules) == (0.5, ('backbone',))
        alone = {one.get('student_loss_weight') for one in found.values()}
        assert alone == {0.1 if name == 'KD' else None}
    assert num == 2 * (16 + 2)  # with a second share, and alone, 41 methods


@pytest.mark.parametrize('name', ['images', 'scenes'])
def test_the_grids_have_the_settings_of_the_configs(regret: Any, name: str) -> None:
    data = regret.DATA[name]
    for method, path in data.configs.items():
        hook = Config.fromfile(path).custom_hooks[0]
        (term,) = build_terms(hook.distill)
        weight, temperature = term.loss.loss_weight, term.loss.temperature
        assert weight in data.grids[method][0] and temperature in data.grids[method][1]
        title = f'{method} weight {weight:g} T {temperature:g}'
        assert title in data.of_configs


def test_regret_is_what_the_best_mean_of_the_grid_is_ahead(regret: Any) -> None:
    values = {
        'student alone': {0: 1.0, 1: 1.0},
        'KD weight 1 T 1': {0: 90.0, 1: 90.0},
        'KD weight 1 T 2': {0: 99.0, 1: 85.0},
        'KD weight 0.9 T 4': {0: 80.0, 1: 80.0},
        'KD proposed 0.5': {0: 98.0, 1: 84.0},
        'CKD weight 1 T 1': {0: 100.0, 1: 100.0},
    }
    data = regret.DATA['images']
    assert regret.regrets('KD', values, data) == [
        ['KD weight 1 T 2, the best of 3', '92.00', ''],
        ['KD: the median of the grid', '90.00', '+2.00'],
        ['KD weight 0.9 T 4, the config', '80.00', '+12.00 ± 88.94'],
        ['KD proposed 0.5', '91.00', '+1.00 ± 0.00'],
    ]
    values['KD weight 0.1 T 8'] = {0: 99.0}  # the other seed has found nothing
    assert regret.regrets('KD', values, data)[0][0] == 'KD weight 1 T 2, the best of 3'
    assert regret.regrets('DIST', values, data) == []
