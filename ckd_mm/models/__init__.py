"""Backbones, a neck and heads that published recipes need and MMPretrain lacks.

They are registered in MMEngine's root registry: after `import ckd_mm`, a config of any
scope finds them by their plain names, and neither MMPretrain nor MMDetection is needed
to import them. `ckd_mm.models.convert` reads the public checkpoints of the CIFAR-100
networks.
"""

from __future__ import annotations

from ckd_mm.models.cifar_mobilenet_v2 import CIFARMobileNetV2
from ckd_mm.models.cifar_resnet import CIFARResNet
from ckd_mm.models.cifar_shufflenet_v1 import CIFARShuffleNetV1
from ckd_mm.models.cifar_shufflenet_v2 import CIFARShuffleNetV2
from ckd_mm.models.cifar_vgg import CIFARVGG
from ckd_mm.models.cifar_wide_resnet import CIFARWideResNet
from ckd_mm.models.distilled_vit_head import distilled_vit_head
from ckd_mm.models.dual_head import dual_head
from ckd_mm.models.mobilenet_v1 import MobileNetV1
from ckd_mm.models.simkd_neck import SimKDNeck

__all__ = [
    'CIFARMobileNetV2',
    'CIFARResNet',
    'CIFARShuffleNetV1',
    'CIFARShuffleNetV2',
    'CIFARVGG',
    'CIFARWideResNet',
    'MobileNetV1',
    'SimKDNeck',
    'distilled_vit_head',
    'dual_head',
]
