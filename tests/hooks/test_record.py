"""RecordHook on a real run: what is measured, and of which weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.runner import Runner


def record(work_dir: Path) -> Any:
    return json.loads((work_dir / 'record.json').read_text())


@pytest.fixture(scope='module')
def trained(
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path_factory: pytest.TempPathFactory,
) -> Runner:
    work_dir = tmp_path_factory.mktemp('work')
    return run(classifier_config(work_dir, custom_hooks=[dict(type='RecordHook')]))


def test_the_record_has_metrics_time_and_memory(trained: Runner) -> None:
    found = record(Path(trained.work_dir))
    logged = trained.message_hub.get_scalar('val/accuracy/top1').current()
    assert found['metrics']['accuracy/top1'] == logged
    assert found['iter'] == trained.iter > 0
    times = trained.message_hub.get_scalar('train/time').data[0]
    assert min(times) <= found['seconds'] <= max(times)
    assert 2**27 < found['bytes'] < 2**35
    assert found['ended'] is True


def test_a_run_resumed_after_its_last_epoch_is_validated_all_the_same(
    trained: Runner,
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    """It was killed between its last checkpoint and the validation."""
    cfg = classifier_config(tmp_path, custom_hooks=[dict(type='RecordHook')])
    cfg.load_from = str(Path(trained.work_dir) / 'epoch_1.pth')
    cfg.resume = True
    run(cfg)
    resumed, whole = record(tmp_path), record(Path(trained.work_dir))
    assert resumed['metrics'] == whole['metrics']
    assert (resumed['iter'], resumed['ended']) == (whole['iter'], True)
    assert resumed['seconds'] is not None


def test_a_validation_before_the_end_is_not_the_end(
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    cfg = classifier_config(tmp_path, epochs=2, custom_hooks=[dict(type='RecordHook')])
    cfg.train_cfg.val_interval = 1
    seen = []

    class Look(Runner):
        def call_hook(self, fn_name: str, **kwargs: Any) -> None:
            super().call_hook(fn_name, **kwargs)
            if fn_name == 'after_val_epoch':
                seen.append(record(tmp_path)['ended'])

    Look.from_cfg(cfg).train()
    assert seen == [False, False]
    assert record(tmp_path)['ended'] is True


def test_a_run_without_a_validation_has_a_record_without_metrics(
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    """A training before another one, such as one without labels."""
    cfg = classifier_config(tmp_path, custom_hooks=[dict(type='RecordHook')])
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    run(cfg)
    found = record(tmp_path)
    assert (found['metrics'], found['iter'], found['ended']) == ({}, None, True)
    assert found['seconds'] > 0
