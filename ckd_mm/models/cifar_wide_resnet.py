"""Wide ResNets for CIFAR: WRN-16-2, WRN-40-1, WRN-40-2."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.registry import MODELS
from torch import Tensor, nn

from ckd_mm.models._stages import KAIMING, InitCfg, StagedBackbone, conv

__all__ = ['CIFARWideResNet']


@MODELS.register_module()
class CIFARWideResNet(StagedBackbone):
    """WRN-depth-k: three stages of n = (depth - 4) / 6 pre-activated blocks.

    Paper: arXiv:1605.07146, without dropout. Where the width changes, the shortcut is a
    1x1 convolution of the block's activated input; elsewhere it is the input as it is.

    Outputs for widening factor k and images of H x W. Stages 0 to 2 end with a sum,
    before BatchNorm and ReLU, so their features can be negative. Index 3 is stage 2
    after the last BatchNorm and ReLU, which the classifier pools.

    | index | shape |
    |---|---|
    | 0 | (N, 16 k, H, W) |
    | 1 | (N, 32 k, H/2, W/2) |
    | 2, 3 | (N, 64 k, H/4, W/4) |

    The module `stem`, a single convolution, gives the feature before stage 0.

    Args:
        depth: Layers with weights, shortcuts not counted.
        widen_factor: k.
        out_indices: Which outputs are returned.
        init_cfg: How the weights are initialised.

    Raises:
        ValueError: No such depth or stage.

    Examples:
        >>> import torch
        >>> from ckd_mm.models import CIFARWideResNet
        >>> wrn_16_2 = CIFARWideResNet(16, 2, out_indices=(0, 3))
        >>> [tuple(output.shape) for output in wrn_16_2(torch.zeros(1, 3, 32, 32))]
        [(1, 32, 32, 32), (1, 128, 8, 8)]
    """

    def __init__(
        self,
        depth: int,
        widen_factor: int = 1,
        out_indices: Sequence[int] = (3,),
        init_cfg: InitCfg = KAIMING,
    ) -> None:
        num_blocks, rest = divmod(depth - 4, 6)
        if rest or num_blocks < 1:
            raise ValueError(
                f'depth of CIFARWideResNet must be 6 n + 4 (16, 28, 40), got {depth}'
            )
        widths = [16, *(16 * widen_factor * factor for factor in (1, 2, 4))]
        stages = [
            _stage(widths[index], widths[index + 1], num_blocks, stride)
            for index, stride in enumerate((1, 2, 2))
        ]
        last = nn.Sequential(nn.BatchNorm2d(widths[-1]), nn.ReLU(inplace=True))
        super().__init__(conv(3, 16, 3), [*stages, last], out_indices, init_cfg)


class _PreActivatedBlock(nn.Module):
    """F(a) + x, or F(a) + W a where the width changes; a = relu(bn(x))."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = conv(in_channels, out_channels, 3, stride)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv2 = conv(out_channels, out_channels, 3)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module | None = None
        if in_channels != out_channels:
            self.shortcut = conv(in_channels, out_channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        activated = self.relu(self.bn1(x))
        out = self.conv2(self.relu(self.bn2(self.conv1(activated))))
        return out + (x if self.shortcut is None else self.shortcut(activated))


def _stage(
    in_channels: int, out_channels: int, num_blocks: int, stride: int
) -> nn.Sequential:
    first = _PreActivatedBlock(in_channels, out_channels, stride)
    others = (
        _PreActivatedBlock(out_channels, out_channels, 1) for _ in range(num_blocks - 1)
    )
    return nn.Sequential(first, *others)
