"""What is read of logs as MMEngine writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ckd_mm.report import read_history

HOOK = dict(type='DistillationHook', distill=dict(ckd=dict(), ckd_b=dict()))


def written(folder: Path, name: str, entries: Sequence[Any], **config: Any) -> Path:
    vis_data = folder / name / 'vis_data'
    vis_data.mkdir(parents=True)
    lines = [one if isinstance(one, str) else json.dumps(one) for one in entries]
    (vis_data / 'scalars.json').write_text('\n'.join(lines))
    config.setdefault('custom_hooks', [HOOK])
    texts = [f'{key} = {value!r}' for key, value in config.items()]
    (vis_data / 'config.py').write_text('\n'.join(texts))
    return folder


def trained(step: int, **more: float) -> dict[str, float]:
    return dict(loss=1.0, time=0.5, step=step, **more)


def test_a_validation_by_epoch_stands_at_its_iteration(tmp_path: Path) -> None:
    entries = [trained(10), trained(20), dict(top1=50.0, time=9.0, step=1)]
    run = read_history(written(tmp_path, '1', entries, train_cfg=dict(by_epoch=True)))
    assert run.val == {20: dict(top1=50.0)}
    assert run.seconds == pytest.approx(10.0)


def test_a_validation_by_iteration_keeps_its_step(tmp_path: Path) -> None:
    logger = dict(logger=dict(log_metric_by_epoch=False))
    entries = [trained(10), dict(top1=50.0, step=15)]
    cfg = dict(train_cfg=dict(by_epoch=True), default_hooks=logger)
    assert list(read_history(written(tmp_path, '1', entries, **cfg)).val) == [15]


def test_a_resumed_run_goes_on_and_a_run_trained_anew_counts_alone(
    tmp_path: Path,
) -> None:
    written(tmp_path, '1', [trained(10), trained(20), trained(30)])
    written(tmp_path, '2', [trained(20), trained(40)])
    assert list(read_history(tmp_path).train) == [10, 20, 40]
    written(tmp_path, '3', [trained(10)])
    assert list(read_history(tmp_path).train) == [10]


def test_statistics_are_those_of_the_terms(tmp_path: Path) -> None:
    entry = trained(10, ckd_top1_agreement=0.5, ckd_b_share=0.1, loss_ckd=2.0, lr=0.1)
    run = read_history(written(tmp_path, '1', [entry]))
    assert run.statistics() == {
        'ckd_b_share': {10: 0.1},
        'ckd_top1_agreement': {10: 0.5},
    }
    assert run.losses() == {'loss': {10: 1.0}, 'loss_ckd': {10: 2.0}}


def test_what_is_no_number_or_torn_is_left_out(tmp_path: Path) -> None:
    entries = [
        trained(10, loss_ckd=float('nan')),
        {'teacher/map': 0.7, 'step': 0},
        {'map': 0.5, 'map_l': -1.0, 'step': 10},
        '{"loss": 1.0, "st',
    ]
    run = read_history(written(tmp_path, '1', entries))
    assert run.losses() == {'loss': {10: 1.0}}
    assert run.last == dict(map=0.5)
    assert run.teacher == dict(map=0.7)


def test_a_checkpoint_is_found_in_a_folder_that_was_moved(tmp_path: Path) -> None:
    written(tmp_path, '1', [trained(10)])
    assert read_history(tmp_path).checkpoint is None
    (tmp_path / 'last_checkpoint').write_text('/gone/epoch_1.pth')
    (tmp_path / 'epoch_1.pth').touch()
    assert read_history(tmp_path).checkpoint == tmp_path / 'epoch_1.pth'


def test_a_folder_without_a_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='give the work dir of one run'):
        read_history(tmp_path)
