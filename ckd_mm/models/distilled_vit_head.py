"""The head of a distilled ViT (DeiT), which MMPretrain has for inference only."""

from __future__ import annotations

from typing import Any

from mmengine.registry import MODELS

__all__ = ['distilled_vit_head']


@MODELS.register_module(name='DistilledViTHead')
def distilled_vit_head(**options: Any) -> Any:
    """MMPretrain's `DeiTClsHead` for training, `head=dict(type='DistilledViTHead')`.

    "Training data-efficient image transformers & distillation through attention",
    arXiv:2012.12877. The head's loss trains the classifier of the class token by the
    labels alone, and a term trains that of the distillation token by the teacher:
    `on=dict(student='head.layers.head_dist', teacher='logits')`. In training the head
    returns the logits of the class token, and otherwise the mean of both, as the stock
    head. The names of its weights are those of the stock head, which loads them.

    Args:
        options: Those of MMPretrain's `DeiTClsHead`.

    Raises:
        ModuleNotFoundError: MMPretrain is not installed.
    """
    from ckd_mm.models._distilled_vit_head import DistilledViTHead

    return DistilledViTHead(**options)
