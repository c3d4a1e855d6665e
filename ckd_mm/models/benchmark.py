"""The networks of the CIFAR-100 distillation benchmark, and its tensor names.

The benchmark is that of CRD (arXiv:1910.10699) and megvii-research/mdistiller. Each of
its networks is a backbone from here or from MMPretrain, followed by
`GlobalAveragePooling` and `LinearClsHead`. The keys of `NETWORKS` are the benchmark's
names.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.registry import MODELS, DefaultScope

__all__ = ['NETWORKS', 'Network', 'tensors']

NUM_CLASSES = 100

Renames = tuple[tuple[str, str], ...]

# Our name -> the benchmark's, as regular expressions that are applied in this order.
STEM = ((r'^backbone\.stem\.0', 'conv1'), (r'^backbone\.stem\.1', 'bn1'))
RESNET: Renames = (*STEM, (r'^backbone\.', ''), (r'^head\.', ''))
RESNET50: Renames = (
    (r'^backbone\.', ''),
    (r'\.downsample\.', '.shortcut.'),
    (r'^head\.fc', 'linear'),
)
WIDE_RESNET: Renames = (
    (r'^backbone\.stem', 'conv1'),
    (r'^backbone\.layer4\.0', 'bn1'),
    (r'^backbone\.layer(\d)', r'block\1.layer'),
    (r'\.shortcut\.', '.convShortcut.'),
    (r'^head\.', ''),
)
VGG: Renames = (
    *((rf'^backbone\.layer{index + 1}\.1', f'block{index}') for index in range(5)),
    (r'^head\.fc', 'classifier'),
)
MOBILENET_V2: Renames = (
    (r'^backbone\.stem', 'conv1'),
    (r'^backbone\.layer8', 'conv2'),
    *((rf'^backbone\.layer{index + 1}', f'blocks.{index}') for index in range(7)),
    (r'^head\.fc', 'classifier.0'),
)
SHUFFLENET: Renames = (
    *STEM,
    (r'^backbone\.layer4\.0', 'conv2'),
    (r'^backbone\.layer4\.1', 'bn2'),
    (r'^backbone\.', ''),
    (r'^head\.fc', 'linear'),
)


@dataclass(frozen=True)
class Network:
    """One network of the benchmark.

    Args:
        backbone: Config of the backbone.
        channels: Width of the pooled feature.
        renames: Our names -> the benchmark's.
    """

    backbone: dict[str, Any]
    channels: int
    renames: Renames


def _resnet(depth: int, **widths: int) -> Network:
    channels = 4 * widths.get('base_channels', 16)
    return Network(dict(type='CIFARResNet', depth=depth, **widths), channels, RESNET)


def _wide_resnet(depth: int, factor: int) -> Network:
    backbone = dict(type='CIFARWideResNet', depth=depth, widen_factor=factor)
    return Network(backbone, 64 * factor, WIDE_RESNET)


NETWORKS = {
    'resnet20': _resnet(20),
    'resnet32': _resnet(32),
    'resnet56': _resnet(56),
    'resnet110': _resnet(110),
    'resnet8x4': _resnet(8, base_channels=64, stem_channels=32),
    'resnet32x4': _resnet(32, base_channels=64, stem_channels=32),
    'ResNet50': Network(
        dict(type='ResNet_CIFAR', depth=50, zero_init_residual=False), 2048, RESNET50
    ),
    'wrn_16_2': _wide_resnet(16, 2),
    'wrn_40_1': _wide_resnet(40, 1),
    'wrn_40_2': _wide_resnet(40, 2),
    'vgg8': Network(dict(type='CIFARVGG', depth=8), 512, VGG),
    'vgg13': Network(dict(type='CIFARVGG', depth=13), 512, VGG),
    'MobileNetV2': Network(
        dict(type='CIFARMobileNetV2', widen_factor=0.5), 1280, MOBILENET_V2
    ),
    'ShuffleV1': Network(dict(type='CIFARShuffleNetV1'), 960, SHUFFLENET),
    'ShuffleV2': Network(dict(type='CIFARShuffleNetV2'), 1024, SHUFFLENET),
}


@functools.cache
def tensors(name: str) -> dict[str, tuple[str, torch.Size]]:
    """All tensors of a network: the benchmark's name -> our name and the shape.

    The backbone of ResNet50 is MMPretrain's; all others need only MMEngine.
    """
    network = NETWORKS[name]
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        backbone = MODELS.build(network.backbone)
    shapes = {
        f'backbone.{key}': value.shape for key, value in backbone.state_dict().items()
    }
    shapes['head.fc.weight'] = torch.Size((NUM_CLASSES, network.channels))
    shapes['head.fc.bias'] = torch.Size((NUM_CLASSES,))
    return {_renamed(key, network.renames): (key, shapes[key]) for key in shapes}


def _renamed(key: str, renames: Renames) -> str:
    for pattern, replacement in renames:
        key = re.sub(pattern, replacement, key)
    return key
