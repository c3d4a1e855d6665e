"""OFA's classifiers at the stages of a student: of convolutions, or of attention.

Shape suffixes beside the package's: L tokens, D their channels, K heads, E channels of
a head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ckd_mm.losses._connectors import BatchNorm

__all__ = ['HEADS', 'STAGES', 'ConvolutionBranch', 'TokenBranch']

STAGES = 4
"""The number of stages into which a student is divided."""
HEADS = 4


class ConvolutionBranch(nn.Module):
    """Class logits (N, C) of a map (N, D, H, W) of a CNN.

    Separable blocks of stride 2 bring it to the size of the last stage, then the mean
    over the positions goes through a linear layer.

    Args:
        channels: D.
        num_classes: C.
        stage: 1 to 4; the last has a 1 x 1 convolution in place of the blocks.
        width: Channels in front of the linear layer.
    """

    def __init__(self, channels: int, num_classes: int, stage: int, width: int) -> None:
        super().__init__()
        num_blocks = STAGES - stage
        widths = [channels * 2**block for block in range(num_blocks)] + [width]
        self.blocks = nn.Sequential(
            *(_separable(*pair) for pair in zip(widths[:-1], widths[1:], strict=True))
        )
        if not num_blocks:
            self.blocks = nn.Sequential(nn.Conv2d(channels, width, kernel_size=1))
        self.linear = nn.Linear(width, num_classes)
        self.apply(_initialise)

    def forward(self, maps: Tensor) -> Tensor:
        """The logits."""
        return self.linear(self.blocks(maps).mean(dim=(2, 3)))


class TokenBranch(nn.Module):
    """Class logits (N, C) of the patch tokens of a ViT, as a map (N, D, H, W).

    Patches of 2 x 2 are merged, transformer blocks follow, and the mean of their tokens
    goes through a linear layer.

    Args:
        channels: D, a multiple of the number of heads.
        num_classes: C.
        stage: 1 to 4; 4 - stage blocks, at least one.
        num_merges: How often patches are merged.
    """

    def __init__(
        self, channels: int, num_classes: int, stage: int, num_merges: int
    ) -> None:
        super().__init__()
        self.merges = nn.ModuleList(
            _Merge(channels, is_linear=0 < number == num_merges - 1)
            for number in range(num_merges)
        )
        self.blocks = nn.Sequential(
            *(_Block(channels) for _ in range(max(STAGES - stage, 1)))
        )
        self.linear = nn.Linear(channels, num_classes)
        self.apply(_initialise)

    def forward(self, maps: Tensor) -> Tensor:
        """The logits.

        Raises:
            ValueError: The height or the width cannot be halved as often.
        """
        times = 2 ** len(self.merges)
        if maps.shape[2] % times or maps.shape[3] % times:
            raise ValueError(
                f'num_merges={len(self.merges)} needs maps whose height and width must '
                f'be multiples of {times}, got {tuple(maps.shape)}; set another '
                'num_merges'
            )
        for merge in self.merges:
            maps = merge(maps)
        tokens_NLD = self.blocks(maps.flatten(2).transpose(1, 2))
        return self.linear(tokens_NLD.mean(dim=1))


class _Merge(nn.Module):
    """Four neighbours of a map become one position of the same width."""

    def __init__(self, channels: int, is_linear: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduce = nn.Linear(4 * channels, channels, bias=False)
        self.act = nn.Identity() if is_linear else nn.GELU()

    def forward(self, maps_NDHW: Tensor) -> Tensor:
        columns = [maps_NDHW[..., left::2] for left in (0, 1)]
        four = torch.cat([one[:, :, top::2] for one in columns for top in (0, 1)], 1)
        merged = self.act(self.reduce(self.norm(four.permute(0, 2, 3, 1))))
        return merged.permute(0, 3, 1, 2)


class _Block(nn.Module):
    """A pre-norm transformer block without dropout, four times as wide inside."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.project = nn.Linear(channels, channels)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, 4 * channels),
            nn.GELU(),
            nn.Linear(4 * channels, channels),
        )

    def forward(self, tokens_NLD: Tensor) -> Tensor:
        tokens_NLD = tokens_NLD + self._attended(self.norm(tokens_NLD))
        return tokens_NLD + self.feed_forward(tokens_NLD)

    def _attended(self, tokens_NLD: Tensor) -> Tensor:
        # Not PyTorch's fused attention, whose gradient on CUDA is in no fixed order.
        three = self.qkv(tokens_NLD).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        query_NKLE, key_NKLE, value_NKLE = three
        scores_NKLL = query_NKLE @ key_NKLE.mT * query_NKLE.shape[-1] ** -0.5
        attended_NKLE = scores_NKLL.softmax(dim=3) @ value_NKLE
        return self.project(attended_NKLE.transpose(1, 2).flatten(2))


def _separable(channels: int, width: int) -> nn.Sequential:
    """Halves height and width: twice 3 x 3 by channel, 1 x 1, BatchNorm and ReLU."""
    layers: list[nn.Module] = []
    for out_channels, stride in ((channels, 2), (width, 1)):
        layers += [
            nn.Conv2d(
                channels,
                channels,
                kernel_size=3,
                stride=stride,
                padding=1,
                groups=channels,
                bias=False,
            ),
            nn.Conv2d(channels, out_channels, kernel_size=1, bias=False),
            BatchNorm(out_channels),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')
    elif isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
