"""Students of four families, batches for them, and steps beside a foreign teacher."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from mmdet.structures import DetDataSample
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import InstanceData
from mmpretrain.structures import DataSample
from torch import Tensor

from ckd_mm.teachers import FeatureModel, read_teachers

from ...adapters.detectors import faster_rcnn, one_stage, query_based

__all__ = ['SIZES', 'STUDENTS', 'batch_for', 'canvas_of', 'teacher_model']

SIZES = [(96, 128), (70, 90)]
"""Heights and widths of the images; neither is a multiple of 14 or 16 in all."""


def classifier() -> BaseModel:
    """A narrow ResNet-18 of MMPretrain."""
    cfg = get_config('mmpretrain::resnet/resnet18_8xb16_cifar10.py')
    cfg.model.backbone.update(base_channels=8, stem_channels=8)
    cfg.model.head.in_channels = 64
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(
            dict(cfg.model, data_preprocessor=dict(cfg.data_preprocessor))
        )
    model.init_weights()
    return model.eval()


STUDENTS: dict[str, tuple[Callable[[], BaseModel], str]] = {
    'Faster R-CNN': (faster_rcnn, 'neck:2'),
    'RetinaNet': (lambda: one_stage('RetinaNet'), 'neck:1'),
    'DINO': (lambda: query_based('DINO'), 'backbone:-1'),
    'ResNet': (classifier, 'backbone.layer3'),
}
"""By name: how the student is built, and a level of it."""


def batch_for(student: BaseModel) -> dict[str, Any]:
    """Images of two sizes with ground truth; of one size for a classifier."""
    generator = torch.Generator().manual_seed(0)
    is_classifier = hasattr(student, 'head')
    sizes = SIZES[:1] * 2 if is_classifier else SIZES
    images = [
        torch.randint(256, (3, *size), generator=generator, dtype=torch.uint8)
        for size in sizes
    ]
    if is_classifier:
        labels = [DataSample().set_gt_label(number) for number in range(len(sizes))]
        return dict(inputs=images, data_samples=labels)
    return dict(inputs=images, data_samples=[_sample(size) for size in sizes])


def canvas_of(
    images: Sequence[Tensor], mean: Sequence[float], std: Sequence[float], divisor: int
) -> Tensor:
    """RGB images (0 to 1) normalised and padded with zeros, written for the tests.

    The height and the width of the canvas are multiples of the divisor.
    """
    tall, wide = (
        math.ceil(max(image.shape[axis] for image in images) / 32) * 32
        for axis in (1, 2)
    )
    tall, wide = (math.ceil(side / divisor) * divisor for side in (tall, wide))
    rows = []
    for image in images:
        rgb = image.flip(0).double() / 255
        shaped = [torch.tensor(one).double().reshape(3, 1, 1) for one in (mean, std)]
        normal = (rgb - shaped[0]) / shaped[1]
        _, height, width = image.shape
        rows.append(F.pad(normal, (0, wide - width, 0, tall - height)))
    return torch.stack(rows).float()


def teacher_model(seed: int = 0, **options: Any) -> FeatureModel:
    """The model of a teacher's config, with seeded random weights by default."""
    (kind,) = read_teachers({'pretrained': False, **options})
    runner = mock.Mock()  # no kind of another library looks at it
    with mock.patch('ckd_mm.teachers.foreign.kind.preserved_random_state') as keep:
        keep.return_value.__enter__ = lambda _: torch.manual_seed(seed)
        keep.return_value.__exit__ = lambda *_: None
        teacher: Any = kind.build(runner, torch.device('cpu'))
    return teacher.model


def _sample(size: tuple[int, int]) -> DetDataSample:
    sample = DetDataSample(
        metainfo=dict(img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0), img_id=0)
    )
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor([[5.0, 5.0, 40.0, 50.0], [30.0, 20.0, 60.0, 60.0]]),
        labels=torch.tensor([1, 3]),
    )
    return sample
