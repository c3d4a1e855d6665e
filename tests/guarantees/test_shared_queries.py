"""The student's decoder on the teacher's queries: weight 0, and the teacher."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from ..adapters.detectors import QUERY, WIDTH, narrow
from ..tasks import differences, weights
from .test_cross import Watcher

pytestmark = pytest.mark.slow

Make = Callable[..., Config]
LOSSES = {
    'shared_query_logits': 'DistributionKDLoss',
    'shared_query_boxes': 'BoxIoUKDLoss',
}


def narrow_detr(model: ConfigDict) -> None:
    """It keeps its dropout, which draws random numbers in both runs of the decoder."""
    model.backbone.update(out_indices=(3,), norm_eval=False)
    model.neck.update(in_channels=[64], out_channels=WIDTH)
    for coder in (model.encoder, model.decoder):
        coder.num_layers = 2
        for part in coder.layer_cfg.values():
            part.embed_dims = WIDTH
        coder.layer_cfg.ffn_cfg.feedforward_channels = WIDTH
        assert coder.layer_cfg.self_attn_cfg.dropout == 0.1
    model.positional_encoding.num_feats = WIDTH // 2
    model.num_queries, model.test_cfg.max_per_img = 12, 12
    model.bbox_head.update(num_classes=10, embed_dims=WIDTH)


@pytest.fixture
def make(detector_config: Make) -> Make:
    def config(folder: Path, **changes: Any) -> Config:
        cfg = detector_config(folder, **changes)
        preprocessor = cfg.model.data_preprocessor
        cfg.model = narrow(QUERY['DETR'], narrow_detr)
        cfg.model.data_preprocessor = preprocessor
        return cfg

    return config


def hook(teacher: dict[str, Any], weight: float) -> dict[str, Any]:
    terms = {
        on: dict(on=on, loss=dict(type=loss, loss_weight=weight))
        for on, loss in LOSSES.items()
    }
    return dict(type='DistillationHook', teacher=teacher, distill=terms)


def test_weight_zero_is_the_stock_run_and_the_teacher_stays_as_it_is(
    make: Make,
    run: Callable[[Config], Runner],
    teacher_of: Callable[[Config], dict[str, Any]],
    tmp_path: Path,
) -> None:
    teacher = teacher_of(make(tmp_path / 'unused'))
    stock = weights(run(make(tmp_path / 'stock')))
    for weight in (0.0, 1.0):
        hooks = [hook(teacher, weight)]
        runner = Runner.from_cfg(make(tmp_path / str(weight), custom_hooks=hooks))
        watcher = Watcher()
        runner.register_hook(watcher, 'LOWEST')
        runner.train()
        assert differences(watcher.before, watcher.teacher.state_dict()) == {}
        assert not watcher.teacher.training
        assert (differences(stock, weights(runner)) == {}) == (weight == 0)
