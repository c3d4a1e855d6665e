"""Passes beside the student's own, with gradient: weight 0, and the teacher.

The student's maps through the teacher's head, its decoder on the teacher's queries;
beside these its encoder's maps, which the teacher's queries weigh.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook

from ..adapters.detectors import ONE_STAGE, QUERY, WIDTH, narrow, narrow_dense
from ..tasks import differences, teacher_model, weights

pytestmark = pytest.mark.slow

TERMS: dict[str, dict[str, str]] = {
    'two stages': {
        'cross_roi_logits': 'KDLoss',
        'cross_roi_boxes': 'BoxRegressionLoss',
    },
    'one stage': {'cross_logits': 'QualityFocalKDLoss', 'cross_boxes': 'BoxIoUKDLoss'},
    'queries': {
        'shared_query_logits': 'DistributionKDLoss',
        'shared_query_boxes': 'BoxIoUKDLoss',
        'encoder': 'DETRDistillLoss',
    },
}
Make = Callable[..., Config]


class Watcher(Hook):
    """Keeps the state of the teacher before training."""

    def before_train(self, runner: Runner) -> None:
        hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
        self.teacher = teacher_model(hook)
        self.before = deepcopy(self.teacher.state_dict())


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


def narrow_retinanet(model: ConfigDict) -> None:
    narrow_dense(model)
    model.bbox_head.stacked_convs = 2


MODELS = {
    'one stage': (ONE_STAGE['RetinaNet'], narrow_retinanet),
    'queries': (QUERY['DETR'], narrow_detr),
}


@pytest.fixture(params=TERMS)
def make(request: pytest.FixtureRequest, detector_config: Make) -> tuple[str, Make]:
    """Configs of a detector; its teacher has as wide a head."""

    def config(folder: Path, **changes: Any) -> Config:
        cfg = detector_config(folder, **changes)
        if request.param in MODELS:
            preprocessor = cfg.model.data_preprocessor
            cfg.model = narrow(*MODELS[request.param])
            cfg.model.data_preprocessor = preprocessor
        return cfg

    return request.param, config


def hook(kind: str, teacher: dict[str, Any], weight: float) -> dict[str, Any]:
    terms = {
        on: dict(on=on, loss=dict(type=loss, loss_weight=weight))
        for on, loss in TERMS[kind].items()
    }
    return dict(type='DistillationHook', teacher=teacher, distill=terms)


def test_weight_zero_is_the_stock_run_and_the_teacher_stays_as_it_is(
    make: tuple[str, Make],
    run: Callable[[Config], Runner],
    teacher_of: Callable[[Config], dict[str, Any]],
    tmp_path: Path,
) -> None:
    kind, config = make
    teacher = teacher_of(config(tmp_path / 'unused'))
    stock = weights(run(config(tmp_path / 'stock')))
    for weight in (0.0, 1.0):
        hooks = [hook(kind, teacher, weight)]
        runner = Runner.from_cfg(config(tmp_path / str(weight), custom_hooks=hooks))
        watcher = Watcher()
        runner.register_hook(watcher, 'LOWEST')
        runner.train()
        assert differences(watcher.before, watcher.teacher.state_dict()) == {}
        assert not watcher.teacher.training
        assert (differences(stock, weights(runner)) == {}) == (weight == 0)
