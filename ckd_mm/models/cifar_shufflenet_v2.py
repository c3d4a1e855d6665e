"""ShuffleNet V2 for CIFAR."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn

from ckd_mm.models._stages import InitCfg, StagedBackbone, conv, conv_bn_relu

__all__ = ['CIFARShuffleNetV2']

WIDTHS = (116, 232, 464)
NUM_UNITS = (4, 8, 4)


@MODELS.register_module()
class CIFARShuffleNetV2(StagedBackbone):
    """ShuffleNet V2 of width 1 for 32x32 images, as distillation benchmarks have it.

    Paper: arXiv:1807.11164. As in the benchmarks of CRD and mdistiller, it differs from
    the paper and from MMPretrain's ShuffleNetV2: the stem is a 1x1 convolution with
    stride 1, and there is no max-pooling.

    Outputs for images of H x W; index 3 is the last 1x1 convolution with BatchNorm and
    ReLU, which the classifier pools:

    | index | shape |
    |---|---|
    | 0 | (N, 116, H/2, W/2) |
    | 1 | (N, 232, H/4, W/4) |
    | 2 | (N, 464, H/8, W/8) |
    | 3 | (N, 1024, H/8, W/8) |

    The benchmarks' features are the outputs of the module `stem` and of indices 0, 1
    and 2.

    Args:
        out_indices: Which outputs are returned.
        init_cfg: How the weights are initialised; `None` keeps PyTorch's
            initialisation, as in the benchmarks.

    Raises:
        ValueError: No such stage.

    Examples:
        >>> import torch
        >>> from ckd_mm.models import CIFARShuffleNetV2
        >>> backbone = CIFARShuffleNetV2(out_indices=(2, 3))
        >>> [tuple(output.shape) for output in backbone(torch.zeros(1, 3, 32, 32))]
        [(1, 464, 4, 4), (1, 1024, 4, 4)]
    """

    def __init__(
        self,
        out_indices: Sequence[int] = (3,),
        init_cfg: InitCfg = None,
    ) -> None:
        stages: list[nn.Module] = []
        in_channels = 24
        stem = conv_bn_relu(3, in_channels, 1)
        for width, num_units in zip(WIDTHS, NUM_UNITS, strict=True):
            others = (_Unit(width) for _ in range(num_units - 1))
            stages.append(nn.Sequential(_DownUnit(in_channels, width), *others))
            in_channels = width
        stages.append(conv_bn_relu(in_channels, 1024, 1))
        super().__init__(stem, stages, out_indices, init_cfg)


class _Unit(nn.Module):
    """Keeps one half of the channels and puts the other through three convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = conv(half, half, 1)
        self.bn1 = nn.BatchNorm2d(half)
        self.conv2 = conv(half, half, 3, groups=half)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = conv(half, half, 1)
        self.bn3 = nn.BatchNorm2d(half)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        kept, x = x.chunk(2, dim=1)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        x = self.relu(self.bn3(self.conv3(x)))
        return _shuffled(kept, x)


class _DownUnit(nn.Module):
    """Puts all channels through two branches of stride 2, half of the outputs each."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.conv1 = conv(in_channels, in_channels, 3, 2, groups=in_channels)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv2 = conv(in_channels, half, 1)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = conv(in_channels, half, 1)
        self.bn3 = nn.BatchNorm2d(half)
        self.conv4 = conv(half, half, 3, 2, groups=half)
        self.bn4 = nn.BatchNorm2d(half)
        self.conv5 = conv(half, half, 1)
        self.bn5 = nn.BatchNorm2d(half)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        left = self.bn1(self.conv1(x))
        left = self.relu(self.bn2(self.conv2(left)))
        right = self.relu(self.bn3(self.conv3(x)))
        right = self.bn4(self.conv4(right))
        right = self.relu(self.bn5(self.conv5(right)))
        return _shuffled(left, right)


def _shuffled(left: Tensor, right: Tensor) -> Tensor:
    """The channels of both, alternating: left 0, right 0, left 1, right 1, ..."""
    return torch.stack([left, right], dim=2).flatten(1, 2)
