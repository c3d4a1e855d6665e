"""MobileNetV1, which MMPretrain lacks."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.registry import MODELS
from torch import nn

from ckd_mm.models._stages import (
    KAIMING,
    InitCfg,
    StagedBackbone,
    conv_bn_relu,
    separable,
)

__all__ = ['MobileNetV1']

# Width and separable convolutions of each stage; the first of them has stride 2.
STAGES = ((128, 2), (256, 2), (512, 6), (1024, 2))


@MODELS.register_module()
class MobileNetV1(StagedBackbone):
    """MobileNetV1: a convolution and 13 depthwise separable ones, ReLU after each.

    Paper: arXiv:1704.04861. 27 convolutions and the linear layer are its 28 layers.

    Outputs, after the last ReLU of a stage, at width 1:

    | index | channels | stride |
    |---|---|---|
    | 0 | 128 | 4 |
    | 1 | 256 | 8 |
    | 2 | 512 | 16 |
    | 3 | 1024 | 32 |

    Args:
        widen_factor: Multiplies all widths.
        out_indices: Which stages are returned.
        init_cfg: How the weights are initialised. The default is that of MMPretrain's
            MobileNetV2.

    Raises:
        ValueError: No such stage.

    Examples:
        >>> import torch
        >>> from ckd_mm.models import MobileNetV1
        >>> backbone = MobileNetV1(0.25, out_indices=(0, 3))
        >>> [tuple(output.shape) for output in backbone(torch.zeros(1, 3, 64, 64))]
        [(1, 32, 16, 16), (1, 256, 2, 2)]
    """

    def __init__(
        self,
        widen_factor: float = 1.0,
        out_indices: Sequence[int] = (3,),
        init_cfg: InitCfg = KAIMING,
    ) -> None:
        first, in_channels = (int(width * widen_factor) for width in (32, 64))
        stem = nn.Sequential(
            conv_bn_relu(3, first, 3, stride=2), separable(first, in_channels)
        )
        stages = []
        for width, num_layers in STAGES:
            out_channels = int(width * widen_factor)
            others = (
                separable(out_channels, out_channels) for _ in range(num_layers - 1)
            )
            stages.append(
                nn.Sequential(separable(in_channels, out_channels, 2), *others)
            )
            in_channels = out_channels
        super().__init__(stem, stages, out_indices, init_cfg)
