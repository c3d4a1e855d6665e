"""ResNets of basic blocks for CIFAR: ResNet-20 to 110, ResNet-8x4 and 32x4."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.registry import MODELS
from torch import Tensor, nn

from ckd_mm.models._stages import KAIMING, InitCfg, StagedBackbone, conv, conv_bn_relu

__all__ = ['CIFARResNet']


@MODELS.register_module()
class CIFARResNet(StagedBackbone):
    """ResNet with three stages of n = (depth - 2) / 6 basic blocks, for 32x32 images.

    Paper: arXiv:1512.03385, section 4.2. Where the paper's shortcut pads with zeros,
    this network has a 1x1 convolution with BatchNorm, as the distillation benchmarks
    (CRD, mdistiller) have it. Their "ResNet50" is another network, of bottlenecks:
    MMPretrain's `ResNet_CIFAR`.

    Outputs, after the ReLU that ends a stage, for base width w and images of H x W:

    | index | shape |
    |---|---|
    | 0 | (N, w, H, W) |
    | 1 | (N, 2 w, H/2, W/2) |
    | 2 | (N, 4 w, H/4, W/4) |

    The module `stem` gives the feature before stage 0.

    Args:
        depth: Layers with weights; 20, 32, 56 and 110 in the paper.
        base_channels: Width w of the first stage. 64 makes a "x4" network.
        stem_channels: Width of the first convolution, w if left out. The "x4" networks
            have 32.
        out_indices: Which stages are returned.
        init_cfg: How the weights are initialised.

    Raises:
        ValueError: No such depth or stage.

    Examples:
        >>> import torch
        >>> from ckd_mm.models import CIFARResNet
        >>> resnet8x4 = CIFARResNet(8, base_channels=64, stem_channels=32)
        >>> [tuple(output.shape) for output in resnet8x4(torch.zeros(1, 3, 32, 32))]
        [(1, 256, 8, 8)]
    """

    def __init__(
        self,
        depth: int,
        base_channels: int = 16,
        stem_channels: int | None = None,
        out_indices: Sequence[int] = (2,),
        init_cfg: InitCfg = KAIMING,
    ) -> None:
        num_blocks, rest = divmod(depth - 2, 6)
        if rest or num_blocks < 1:
            raise ValueError(
                f'depth of CIFARResNet must be 6 n + 2 (8, 20, 56, ...), got {depth}'
            )
        stem_channels = stem_channels or base_channels
        widths = [stem_channels, *(base_channels * factor for factor in (1, 2, 4))]
        stages = [
            _stage(widths[index], widths[index + 1], num_blocks, stride)
            for index, stride in enumerate((1, 2, 2))
        ]
        stem = conv_bn_relu(3, stem_channels, 3)
        super().__init__(stem, stages, out_indices, init_cfg)


class _BasicBlock(nn.Module):
    """relu(F(x) + shortcut(x)), F two 3x3 convolutions with BatchNorm."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, out_channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = conv(out_channels, out_channels, 3)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                conv(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(out + shortcut)


def _stage(
    in_channels: int, out_channels: int, num_blocks: int, stride: int
) -> nn.Sequential:
    first = _BasicBlock(in_channels, out_channels, stride)
    others = (_BasicBlock(out_channels, out_channels, 1) for _ in range(num_blocks - 1))
    return nn.Sequential(first, *others)
