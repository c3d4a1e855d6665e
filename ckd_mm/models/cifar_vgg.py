"""VGG for CIFAR: VGG-8 and VGG-13 with BatchNorm and one linear layer."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.registry import MODELS
from torch import nn

from ckd_mm.models._stages import KAIMING, InitCfg, StagedBackbone

__all__ = ['CIFARVGG']

WIDTHS = (64, 128, 256, 512, 512)
CONVS = {
    8: (1, 1, 1, 1, 1),
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


@MODELS.register_module()
class CIFARVGG(StagedBackbone):
    """VGG with BatchNorm for 32x32 images: max-pooling before stages 1, 2 and 3 only.

    Paper: arXiv:1409.1556, configurations A, B, D and E; "VGG-8" of the distillation
    benchmarks (CRD, mdistiller) has one convolution in each stage. As in these
    benchmarks, the last two stages have the same size (4x4 for CIFAR), and one linear
    layer on the average replaces the paper's three. So a network has two layers fewer
    than its name says.

    Outputs, after the last ReLU of a stage, for images of H x W:

    | index | shape |
    |---|---|
    | 0 | (N, 64, H, W) |
    | 1 | (N, 128, H/2, W/2) |
    | 2 | (N, 256, H/4, W/4) |
    | 3, 4 | (N, 512, H/8, W/8) |

    Args:
        depth: 8, 11, 13, 16 or 19.
        out_indices: Which stages are returned.
        init_cfg: How the weights are initialised.

    Raises:
        ValueError: No such depth or stage.

    Examples:
        >>> import torch
        >>> from ckd_mm.models import CIFARVGG
        >>> vgg8 = CIFARVGG(8, out_indices=(0, 4))
        >>> [tuple(output.shape) for output in vgg8(torch.zeros(1, 3, 32, 32))]
        [(1, 64, 32, 32), (1, 512, 4, 4)]
    """

    def __init__(
        self,
        depth: int,
        out_indices: Sequence[int] = (4,),
        init_cfg: InitCfg = KAIMING,
    ) -> None:
        if depth not in CONVS:
            raise ValueError(
                f'depth of CIFARVGG must be one of {", ".join(map(str, CONVS))}, got '
                f'{depth}'
            )
        stages = []
        in_channels = 3
        for index, (width, num_convs) in enumerate(
            zip(WIDTHS, CONVS[depth], strict=True)
        ):
            pool = nn.MaxPool2d(2) if index in (1, 2, 3) else nn.Identity()
            stages.append(nn.Sequential(pool, _convs(in_channels, width, num_convs)))
            in_channels = width
        super().__init__(nn.Identity(), stages, out_indices, init_cfg)


def _convs(in_channels: int, out_channels: int, num_convs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(num_convs):
        layers += [
            nn.Conv2d(out_channels if index else in_channels, out_channels, 3, 1, 1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
