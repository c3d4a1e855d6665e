"""A one-stage detector, which has no adapter of its own, by module names."""

from __future__ import annotations

from copy import deepcopy

import torch
from mmdet.testing import demo_mm_inputs
from mmengine.hub import get_config
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from ckd_mm.adapters import ModuleAdapter, find_adapter
from ckd_mm.distiller import Distiller
from ckd_mm.registry import LOSSES
from ckd_mm.terms import build_terms


class _SquaredDifference(nn.Module):
    """A loss of a plugin, on feature maps."""

    def forward(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        return (student - teacher.detach()).square().mean()


def test_a_retinanet_is_distilled_on_feature_maps_with_a_loss_of_a_plugin() -> None:
    cfg = get_config('mmdet::retinanet/retinanet_r18_fpn_1x_coco.py').model
    cfg.backbone.update(base_channels=8, stem_channels=8, init_cfg=None)
    cfg.neck.update(in_channels=[8, 16, 32, 64], out_channels=16)
    cfg.bbox_head.update(in_channels=16, feat_channels=16)
    with DefaultScope.overwrite_default_scope('mmdet'):
        student = MODELS.build(cfg)
    student.init_weights()
    assert find_adapter(student) is ModuleAdapter
    teacher = deepcopy(student).eval().requires_grad_(False)
    for parameter in teacher.parameters():
        parameter.mul_(1.1)
    LOSSES.register_module(name='SquaredDifference', module=_SquaredDifference)
    try:
        terms = build_terms(
            dict(
                maps=dict(
                    on='module:neck.fpn_convs.0', loss=dict(type='SquaredDifference')
                )
            )
        )
    finally:
        LOSSES.module_dict.pop('SquaredDifference')
    distiller = Distiller(student.train(), teacher, terms)
    data = student.data_preprocessor(demo_mm_inputs(2, [[3, 64, 64]] * 2), True)
    distiller.attach()
    losses = student(**data, mode='loss')
    distiller.detach()
    assert losses['loss_maps'] > 0
    assert losses['loss_maps'].requires_grad
    assert not any('agreement' in key for key in losses)
