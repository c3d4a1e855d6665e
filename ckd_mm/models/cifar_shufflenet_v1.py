"""ShuffleNet V1 for CIFAR."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from ckd_mm.models._stages import InitCfg, StagedBackbone, conv, conv_bn_relu

__all__ = ['CIFARShuffleNetV1']

STEM = 24
WIDTHS = (240, 480, 960)
NUM_UNITS = (4, 8, 4)
GROUPS = 3


@MODELS.register_module()
class CIFARShuffleNetV1(StagedBackbone):
    """ShuffleNet V1 with 3 groups for 32x32 images, as distillation benchmarks have it.

    Paper: arXiv:1707.01083. As in the benchmarks of CRD and mdistiller, it differs from
    the paper and from MMPretrain's ShuffleNetV1: the stem is a 1x1 convolution with
    stride 1, without max-pooling; a ReLU follows the depthwise convolution. In a unit
    with stride 2, the width of the bottleneck is a quarter of the channels that its
    convolutions add, not of all output channels, and the added channels come before
    those of the pooled shortcut.

    Outputs, after the ReLU that ends a stage, for images of H x W:

    | index | shape |
    |---|---|
    | 0 | (N, 240, H/2, W/2) |
    | 1 | (N, 480, H/4, W/4) |
    | 2 | (N, 960, H/8, W/8) |

    The module `stem` gives the feature before stage 0.

    Args:
        out_indices: Which stages are returned.
        init_cfg: How the weights are initialised; `None` keeps PyTorch's
            initialisation, as in the benchmarks.

    Raises:
        ValueError: No such stage.

    Examples:
        >>> import torch
        >>> from ckd_mm.models import CIFARShuffleNetV1
        >>> backbone = CIFARShuffleNetV1()
        >>> [tuple(output.shape) for output in backbone(torch.zeros(1, 3, 32, 32))]
        [(1, 960, 4, 4)]
    """

    def __init__(
        self,
        out_indices: Sequence[int] = (2,),
        init_cfg: InitCfg = None,
    ) -> None:
        stages = []
        in_channels = STEM
        for width, num_units in zip(WIDTHS, NUM_UNITS, strict=True):
            # The first 1x1 convolution of the network has too few channels for groups.
            first = _Unit(in_channels, width, 2, 1 if in_channels == STEM else GROUPS)
            others = (_Unit(width, width, 1, GROUPS) for _ in range(num_units - 1))
            stages.append(nn.Sequential(first, *others))
            in_channels = width
        super().__init__(conv_bn_relu(3, STEM, 1), stages, out_indices, init_cfg)


class _Unit(nn.Module):
    """relu(F(x) + x), or with stride 2 relu([F(x), average-pooled x])."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, first_groups: int
    ) -> None:
        super().__init__()
        if stride == 2:
            out_channels -= in_channels
        hidden = out_channels // 4
        self.first_groups = first_groups
        self.conv1 = conv(in_channels, hidden, 1, groups=first_groups)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv2 = conv(hidden, hidden, 3, stride, groups=hidden)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.conv3 = conv(hidden, out_channels, 1, groups=GROUPS)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AvgPool2d(3, 2, padding=1) if stride == 2 else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = out.unflatten(1, (self.first_groups, -1)).transpose(1, 2).flatten(1, 2)
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.pool is None:
            return self.relu(out + x)
        return self.relu(torch.cat([out, self.pool(x)], dim=1))
