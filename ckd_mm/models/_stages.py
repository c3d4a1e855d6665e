"""Shared by all backbones here: a stem, numbered stages and layers with BatchNorm."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

__all__ = ['KAIMING', 'InitCfg', 'StagedBackbone', 'conv', 'conv_bn_relu', 'separable']

InitCfg = list[dict] | dict | None
"""How MMEngine initialises the weights; `None` keeps those of PyTorch."""

# Normal with variance 2 / (k * k * out_channels); scale 1 and shift 0 in BatchNorm.
KAIMING: list[dict] = [
    dict(type='Kaiming', layer='Conv2d'),
    dict(type='Constant', val=1, layer='BatchNorm2d'),
]


class StagedBackbone(BaseModule):
    """A backbone that returns the outputs of chosen stages.

    The stem is the module `stem`, stage 0 the module `layer1`, as in MMPretrain's
    ResNet, and so on.

    Args:
        stem: What comes before the first stage.
        stages: The stages, in order.
        out_indices: Which stages are returned, counted from 0.
        init_cfg: How the weights are initialised.

    Raises:
        ValueError: `out_indices` has a stage that does not exist.
    """

    def __init__(
        self,
        stem: nn.Module,
        stages: Sequence[nn.Module],
        out_indices: Sequence[int],
        init_cfg: InitCfg,
    ) -> None:
        super().__init__(init_cfg)
        if not set(out_indices) <= set(range(len(stages))):
            raise ValueError(
                f'out_indices of {type(self).__name__} must be from 0 to '
                f'{len(stages) - 1}, got {tuple(out_indices)}'
            )
        self.out_indices = tuple(out_indices)
        self.stem = stem
        for number, stage in enumerate(stages, start=1):
            self.add_module(f'layer{number}', stage)
        self.num_stages = len(stages)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Images (N, 3, H, W) to the feature maps of `out_indices`, in stage order."""
        x = self.stem(x)
        outputs = []
        for index in range(self.num_stages):
            x = getattr(self, f'layer{index + 1}')(x)
            if index in self.out_indices:
                outputs.append(x)
        return tuple(outputs)


def conv(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """A convolution without bias that keeps the size at stride 1."""
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel,
        stride,
        padding=kernel // 2,
        groups=groups,
        bias=False,
    )


def conv_bn_relu(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, BatchNorm, ReLU."""
    return nn.Sequential(
        conv(in_channels, out_channels, kernel, stride, groups),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def separable(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Depthwise 3x3 and pointwise convolution, BatchNorm and ReLU after both."""
    return nn.Sequential(
        *conv_bn_relu(in_channels, in_channels, 3, stride, groups=in_channels),
        *conv_bn_relu(in_channels, out_channels, 1),
    )
