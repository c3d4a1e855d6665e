"""Sharded students: what of them is refused. Two ranks are in `distributed`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.registry import MODEL_WRAPPERS, RUNNERS
from mmengine.runner import Runner
from torch import nn

from ckd_mm.engine import FSDP2Strategy
from ckd_mm.hooks import DistillationHook
from ckd_mm.sharding import is_sharded, shard

pytestmark = pytest.mark.slow


class Sharded(nn.Module):
    """Stands for MMEngine's wrappers of DeepSpeed and ColossalAI, which need a GPU."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module


def test_a_student_in_another_sharding_wrapper_is_refused_before_the_first_iteration(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    MODEL_WRAPPERS.register_module(module=Sharded)
    try:
        runner = Runner.from_cfg(classifier_config(tmp_path))
        runner.model = Sharded(runner.model)
        term = dict(on='logits', loss=dict(type='CKDLoss'))
        hook = DistillationHook(classifier_teacher, dict(ckd=term))
        with pytest.raises(ValueError, match='wrapped in Sharded; DistillationHook'):
            hook.before_train(runner)
    finally:
        MODEL_WRAPPERS.module_dict.pop('Sharded')


@pytest.mark.parametrize(
    ('loss', 'hooks', 'message'),
    [
        (dict(type='KDLoss'), [dict(type='EMAHook')], 'EMAHook averages a copy of'),
        (dict(type='CTKDLoss'), [], "term 'kd': score of CTKDLoss is a single number"),
    ],
)
def test_what_fsdp2_cannot_do_is_refused_before_training(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
    one_rank: None,
    loss: dict[str, Any],
    hooks: list[dict[str, Any]],
    message: str,
) -> None:
    term = dict(on='logits', loss=loss)
    hook = dict(
        type='DistillationHook', teacher=classifier_teacher, distill=dict(kd=term)
    )
    runner = Runner.from_cfg(classifier_config(tmp_path, custom_hooks=[hook, *hooks]))
    shard(runner.model)
    with pytest.raises(ValueError, match=message):
        runner.train()


def test_the_strategy_has_no_wrapper() -> None:
    with pytest.raises(ValueError, match='no model_wrapper'):
        FSDP2Strategy(model_wrapper=dict(type='MMFullyShardedDataParallel'))


def test_with_one_process_the_strategy_shards_nothing_and_says_so(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    term = dict(on='logits', loss=dict(type='KDLoss'))
    hook = dict(
        type='DistillationHook', teacher=classifier_teacher, distill=dict(kd=term)
    )
    cfg = classifier_config(tmp_path, custom_hooks=[hook])
    cfg.runner_type, cfg.strategy = 'FlexibleRunner', dict(type='FSDP2Strategy')
    runner = RUNNERS.build(cfg)
    runner.train()
    assert not is_sharded(runner.model)
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'FSDP2Strategy shards nothing in a run of one process' in log


def test_a_strategy_that_the_runner_does_not_read_is_refused_before_training(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    term = dict(on='logits', loss=dict(type='KDLoss'))
    hook = dict(
        type='DistillationHook', teacher=classifier_teacher, distill=dict(kd=term)
    )
    cfg = classifier_config(
        tmp_path, custom_hooks=[hook], strategy=dict(type='FSDP2Strategy')
    )
    with pytest.raises(ValueError, match="needs runner_type='FlexibleRunner'"):
        Runner.from_cfg(cfg).train()
