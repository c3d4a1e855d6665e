"""MobileNetV2 of half width for CIFAR."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.registry import MODELS
from torch import Tensor, nn

from ckd_mm.models._stages import KAIMING, InitCfg, StagedBackbone, conv, conv_bn_relu

__all__ = ['CIFARMobileNetV2']

# Expansion, width, blocks, stride of the first block.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


@MODELS.register_module()
class CIFARMobileNetV2(StagedBackbone):
    """MobileNetV2 for 32x32 images as the distillation benchmarks have it.

    Paper: arXiv:1801.04381. As in the benchmarks of CRD and mdistiller, it differs from
    the paper and from MMPretrain's MobileNetV2: stage 1 has stride 1; ReLU replaces
    ReLU6; the block with expansion 1 has an expanding 1x1 convolution, too; widths are
    truncated to whole numbers (12), not rounded to multiples of 8.

    Outputs at half width for images of H x W. Stages 0 to 6 end without ReLU; index 7
    is the last 1x1 convolution with BatchNorm and ReLU, which the classifier pools.

    | index | shape |
    |---|---|
    | 0 | (N, 8, H/2, W/2) |
    | 1 | (N, 12, H/2, W/2) |
    | 2 | (N, 16, H/4, W/4) |
    | 3, 4 | (N, 32 or 48, H/8, W/8) |
    | 5, 6 | (N, 80 or 160, H/16, W/16) |
    | 7 | (N, 1280, H/16, W/16) |

    The benchmarks' features are the outputs of the module `stem` and of indices 1, 2, 4
    and 6.

    Args:
        widen_factor: Multiplies the widths of all convolutions but the last one, which
            has 1280 channels up to factor 1.
        out_indices: Which outputs are returned.
        init_cfg: How the weights are initialised.

    Raises:
        ValueError: No such stage.

    Examples:
        >>> import torch
        >>> from ckd_mm.models import CIFARMobileNetV2
        >>> backbone = CIFARMobileNetV2(0.5, out_indices=(1, 7))
        >>> [tuple(output.shape) for output in backbone(torch.zeros(1, 3, 32, 32))]
        [(1, 12, 16, 16), (1, 1280, 2, 2)]
    """

    def __init__(
        self,
        widen_factor: float = 0.5,
        out_indices: Sequence[int] = (7,),
        init_cfg: InitCfg = KAIMING,
    ) -> None:
        in_channels = int(32 * widen_factor)
        stem = conv_bn_relu(3, in_channels, 3, stride=2)
        stages = []
        for expansion, width, num_blocks, stride in STAGES:
            out_channels = int(width * widen_factor)
            blocks = []
            for index in range(num_blocks):
                blocks.append(
                    _InvertedResidual(
                        in_channels, out_channels, expansion, 1 if index else stride
                    )
                )
                in_channels = out_channels
            stages.append(nn.Sequential(*blocks))
        stages.append(conv_bn_relu(in_channels, int(1280 * max(widen_factor, 1)), 1))
        super().__init__(stem, stages, out_indices, init_cfg)


class _InvertedResidual(nn.Module):
    """Expand, filter each channel, project; add the input if the shapes agree."""

    def __init__(
        self, in_channels: int, out_channels: int, expansion: int, stride: int
    ) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.conv = nn.Sequential(
            *conv_bn_relu(in_channels, hidden, 1),
            *conv_bn_relu(hidden, hidden, 3, stride, groups=hidden),
            conv(hidden, out_channels, 1),
            nn.BatchNorm2d(out_channels),
        )
        self.is_residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.is_residual else self.conv(x)
