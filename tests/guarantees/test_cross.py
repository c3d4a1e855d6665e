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

from ckd_mm.datasets.digits import write_digit_scenes
from ckd_mm.hooks import DistillationHook

from ..adapters.detectors import (
    ONE_STAGE,
    QUERY,
    WIDTH,
    narrow,
    narrow_dense,
    narrow_rois,
)
from ..tasks import differences, teacher_model, weights

pytestmark = pytest.mark.slow

RANDOM = dict(queries='random', number=7)
TERMS: dict[str, list[tuple[Any, str]]] = {
    'two stages': [
        ('cross_roi_logits', 'KDLoss'),
        ('cross_roi_boxes', 'BoxRegressionLoss'),
    ],
    'masks': [('cross_mask_logits', 'FitNetLoss')],
    'one stage': [
        ('cross_logits', 'QualityFocalKDLoss'),
        ('cross_boxes', 'BoxIoUKDLoss'),
    ],
    'edges': [('cross_distribution', 'DistributionKDLoss')],
    'queries': [
        ('shared_query_logits', 'DistributionKDLoss'),
        ('shared_query_boxes', 'BoxIoUKDLoss'),
        ('encoder', 'DETRDistillLoss'),
    ],
    'random queries': [
        (dict(part='shared_query_logits', activation='binary', **RANDOM), 'KDLoss'),
        (dict(part='shared_query_boxes', **RANDOM), 'BoxIoUKDLoss'),
    ],
}
Make = Callable[..., Config]


class Watcher(Hook):
    """Keeps the state of the teacher before training."""

    def before_train(self, runner: Runner) -> None:
        hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
        self.teacher = teacher_model(hook)
        self.before = deepcopy(self.teacher.state_dict())


def narrow_queries(model: ConfigDict) -> None:
    model.backbone.update(out_indices=(3,), norm_eval=False)
    model.neck.update(in_channels=[64], out_channels=WIDTH)
    for coder in (model.encoder, model.decoder):
        coder.num_layers = 2
        for part in coder.layer_cfg.values():
            part.embed_dims = WIDTH
        coder.layer_cfg.ffn_cfg.feedforward_channels = WIDTH
    model.positional_encoding.num_feats = WIDTH // 2
    model.num_queries, model.test_cfg.max_per_img = 12, 12
    model.bbox_head.update(num_classes=10, embed_dims=WIDTH)


def narrow_detr(model: ConfigDict) -> None:
    """It keeps its dropout, which draws random numbers in both runs of the decoder."""
    narrow_queries(model)
    assert model.decoder.layer_cfg.self_attn_cfg.dropout == 0.1


def narrow_dab_detr(model: ConfigDict) -> None:
    """With dropout, which its config has none of."""
    narrow_queries(model)
    model.decoder.layer_cfg.self_attn_cfg.update(attn_drop=0.1, proj_drop=0.1)


def narrow_head(model: ConfigDict) -> None:
    narrow_dense(model)
    model.bbox_head.stacked_convs = 2


MODELS = {
    'masks': ('mask_rcnn/mask-rcnn_r50_fpn_1x_coco', narrow_rois),
    'one stage': (ONE_STAGE['RetinaNet'], narrow_head),
    'edges': (ONE_STAGE['GFL'], narrow_head),
    'queries': (QUERY['DETR'], narrow_detr),
    'random queries': (QUERY['DABDETR'], narrow_dab_detr),
}


@pytest.fixture(scope='module')
def masked_scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digit scenes with the pixels of each digit."""
    root = tmp_path_factory.mktemp('data') / 'masked'
    write_digit_scenes(root, num_train=4, num_val=1, masks=True)
    return root


@pytest.fixture(params=TERMS)
def make(
    request: pytest.FixtureRequest, detector_config: Make, masked_scenes: Path
) -> tuple[str, Make]:
    """Configs of a detector; its teacher has as wide a head."""

    def config(folder: Path, **changes: Any) -> Config:
        cfg = detector_config(folder, **changes)
        if request.param in MODELS:
            preprocessor = cfg.model.data_preprocessor
            cfg.model = narrow(*MODELS[request.param])
            cfg.model.data_preprocessor = preprocessor
        if request.param == 'masks':
            data = cfg.train_dataloader.dataset
            data.data_root = f'{masked_scenes}/'
            data.pipeline[1].with_mask = True
        return cfg

    return request.param, config


def hook(kind: str, teacher: dict[str, Any], weight: float) -> dict[str, Any]:
    terms = {
        str(number): dict(on=on, loss=dict(type=loss, loss_weight=weight))
        for number, (on, loss) in enumerate(TERMS[kind])
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
