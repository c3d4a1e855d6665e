"""Students whose parameters are sharded are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.registry import MODEL_WRAPPERS
from mmengine.runner import Runner
from torch import nn

from ckd_mm.hooks import DistillationHook

pytestmark = pytest.mark.slow


class Sharded(nn.Module):
    """Stands for MMEngine's wrappers of FSDP and DeepSpeed, which need a GPU."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module


def test_a_sharded_student_is_refused_before_the_first_iteration(
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
