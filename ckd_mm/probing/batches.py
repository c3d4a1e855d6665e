"""Random batches that fit a model: images, and the ground truth that it trains on.

For tools that have no data set, such as `tools/inspect_distillation.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.structures import InstanceData, PixelData
from torch import Tensor, nn

from ckd_mm.adapters.core.semi_supervised import is_semi_supervised

__all__ = ['image_shape', 'library_of', 'num_classes', 'random_batch']

NUM_BOXES = 4
NUM_PROPOSALS = 50
WORDS = ('cat', 'dog', 'bird', 'horse', 'person', 'car', 'boat', 'chair')
"""The prompt of detectors that need one; labels point into it."""

BRANCHES = ('sup', 'unsup_teacher', 'unsup_student')
"""The branches of a batch for MMDetection's semi-supervised wrappers."""

_DIVISORS = {'HourglassNet': 128}
_NO_CLASSES = ('rpn_head', 'semantic', 'segm', 'loss')


def random_batch(
    model: BaseModel, shape: tuple[int, int] = (256, 320), num_images: int = 2
) -> dict[str, Any]:
    """Random images with random ground truth, the same at every call.

    A detector gets boxes, labels and masks, and semantic maps, proposals or a text
    prompt if it needs them. A semi-supervised detector gets three branches, a
    classifier labels.

    Args:
        model: The student, whose classes and kind of ground truth are used.
        shape: Height and width; raised to the next size that the model takes.
        num_images: Number of images.

    Raises:
        ValueError: The model does not train on labelled images.
    """
    library = library_of(model)
    if library == 'mmpretrain':
        return _labelled_images(model, shape, num_images)
    _check_detector(model)
    if is_semi_supervised(model):
        branches = [_annotated(model.student, shape, num_images) for _ in BRANCHES]
        return {
            key: {name: one[key] for name, one in zip(BRANCHES, branches, strict=True)}
            for key in ('inputs', 'data_samples')
        }
    return _annotated(model, shape, num_images)


def image_shape(cfg: Config) -> tuple[int, int] | None:
    """Height and width that a classifier's test pipeline ends with; `None` for others.

    Some classifiers take no other size. Detectors do, and their test size is large.
    """
    if cfg.get('default_scope') != 'mmpretrain':
        return None
    data = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    sides = [
        step.get('crop_size') or step.get('scale')
        for step in data.get('pipeline') or ()
        if step['type'] in ('CenterCrop', 'Resize')
    ]
    if not sides:
        return None
    height, width = (
        sides[-1] if isinstance(sides[-1], (list, tuple)) else sides[-1:] * 2
    )
    return int(height), int(width)


def library_of(model: nn.Module) -> str:
    """`'mmdet'` or `'mmpretrain'`: the library that a model is of, or derived from.

    Raises:
        ValueError: It is neither.
    """
    for cls in type(model).__mro__:
        package = cls.__module__.split('.')[0]
        if package in ('mmdet', 'mmpretrain'):
            return package
    raise ValueError(
        f'a {type(model).__name__} is a model of neither MMDetection nor MMPretrain, '
        'so no random batch can be made for it'
    )


def _check_detector(model: BaseModel) -> None:
    names = [cls.__name__ for cls in type(model).__mro__]
    if 'BaseMOTModel' in names:
        raise ValueError(
            f'a {names[0]} trains on videos, and the random batch has images; inspect '
            'the config of its detector alone'
        )
    if 'BaseReID' in names:
        raise ValueError(
            f'a {names[0]} trains on identities, and the random batch has boxes'
        )


def _labelled_images(
    model: BaseModel, shape: tuple[int, int], num_images: int
) -> dict[str, Any]:
    from mmpretrain.models import ImageClassifier
    from mmpretrain.structures import DataSample

    if not isinstance(model, ImageClassifier):
        raise ValueError(
            f'a {type(model).__name__} does not train on images with one class label '
            'each; distil the classifier that has its backbone'
        )
    head = model.head if model.with_head else None
    if head is None:
        raise ValueError(
            f'this {type(model).__name__} has no head, so it cannot be trained; give '
            'it one'
        )
    mean = getattr(model.data_preprocessor, 'mean', None)
    channels = mean.numel() if mean is not None else 3
    num_classes = getattr(head, 'num_classes', None) or num_images
    return dict(
        inputs=_images(num_images, channels, shape),
        data_samples=[
            DataSample().set_gt_label(number % num_classes)
            for number in range(num_images)
        ],
    )


def _annotated(
    model: BaseModel, shape: tuple[int, int], num_images: int
) -> dict[str, Any]:
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks

    height, width = shape = _fitting(model, shape)
    generator = torch.Generator().manual_seed(0)
    count = num_classes(model)
    has_masks = any('mask' in name for name, _ in model.named_modules())
    samples = []
    for number in range(num_images):
        boxes = _random_boxes(NUM_BOXES, shape, generator)
        labels = torch.randint(count, (NUM_BOXES,), generator=generator)
        sample = DetDataSample(metainfo=_meta(model, number, shape))
        sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
        if has_masks:
            masks = BitmapMasks(_filled(boxes, shape), height, width)
            sample.gt_instances.masks = masks
        sample.ignored_instances = sample.gt_instances[:0]
        stride = _semantic_stride(model)
        if stride:
            size = (1, height // stride, width // stride)
            values = _semantic_values(model)
            maps = torch.randint(*values, size, generator=generator)
            sample.gt_sem_seg = PixelData(sem_seg=maps)
        if not getattr(model, 'with_rpn', True) and getattr(
            model, 'with_roi_head', False
        ):
            proposals = _random_boxes(NUM_PROPOSALS, shape, generator)
            sample.proposals = InstanceData(
                bboxes=proposals, scores=torch.rand(len(proposals), generator=generator)
            )
        samples.append(sample)
    images = _images(num_images, 3, shape)
    return dict(inputs=list(images), data_samples=samples)


def _meta(model: nn.Module, number: int, shape: tuple[int, int]) -> dict[str, Any]:
    height, width = shape
    meta: dict[str, Any] = dict(
        img_id=number,
        img_path=f'{number}.jpg',
        img_shape=shape,
        ori_shape=shape,
        scale_factor=(1.0, 1.0),
        flip=False,
        flip_direction=None,
        border=[0, height, 0, width],  # CenterNet and CornerNet
        homography_matrix=np.eye(3, dtype=np.float32),  # semi-supervised
    )
    if hasattr(model, 'language_model'):
        meta.update(text=WORDS, custom_entities=True)
    return meta


def _images(num_images: int, channels: int, shape: Sequence[int]) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    size = (num_images, channels, *shape)
    return torch.randint(256, size, dtype=torch.uint8, generator=generator)


def _random_boxes(
    number: int, shape: tuple[int, int], generator: torch.Generator
) -> Tensor:
    """Boxes (number, 4) with sides of an eighth to five eighths of the image."""
    sides = torch.tensor(shape[::-1], dtype=torch.float32)
    sizes = (0.125 + 0.5 * torch.rand(number, 2, generator=generator)) * sides
    first = torch.rand(number, 2, generator=generator) * (sides - sizes)
    return torch.cat([first, first + sizes], dim=1)


def _filled(boxes: Tensor, shape: tuple[int, int]) -> np.ndarray:
    masks = np.zeros((len(boxes), *shape), dtype=np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist(), strict=True):
        mask[y1:y2, x1:x2] = 1
    return masks


def _fitting(model: nn.Module, shape: tuple[int, int]) -> tuple[int, int]:
    """The smallest shape that the model takes and that is not smaller than this one."""
    backbone = getattr(model, 'backbone', None)
    divisor = math.lcm(
        int(getattr(model.data_preprocessor, 'pad_size_divisor', 1)),
        _DIVISORS.get(type(backbone).__name__, 1),
    )
    head = getattr(model, 'bbox_head', None)
    generator = getattr(head, 'prior_generator', None)
    fixed = getattr(generator, 'input_size', None)  # SSD
    if fixed is not None:
        shape = (int(fixed), int(fixed))
    height, width = (math.ceil(side / divisor) * divisor for side in shape)
    return height, width


def num_classes(model: nn.Module) -> int:
    """How many classes the instances can have, so that all heads know them."""
    count = getattr(getattr(model, 'head', None), 'num_classes', None)
    if isinstance(count, int):  # a classifier
        return count
    if hasattr(model, 'language_model'):
        return len(WORDS)
    things = list(_numbers(model, 'num_things_classes', ()))
    return min(things or _numbers(model, 'num_classes', _NO_CLASSES), default=1)


def _numbers(model: nn.Module, name: str, without: tuple[str, ...]) -> Iterator[int]:
    for path, module in model.named_modules():
        value = getattr(module, name, None)
        if isinstance(value, int) and value > 0 and not any(w in path for w in without):
            yield value


def _semantic_stride(model: nn.Module) -> int:
    """The stride of the semantic map that the model trains on; 0 if it needs none."""
    roi_head = getattr(model, 'roi_head', None)
    extractor = getattr(roi_head, 'semantic_roi_extractor', None)
    if extractor is not None:
        return int(extractor.featmap_strides[0])
    return int(bool(list(_numbers(model, 'num_stuff_classes', ()))))


def _semantic_values(model: Any) -> tuple[int, int]:
    """The range of values of a semantic map: stuff, or all classes."""
    stuff = list(_numbers(model, 'num_stuff_classes', ()))
    if stuff:
        first = max(_numbers(model, 'num_things_classes', ()), default=0)
        return first, first + stuff[0]
    return 0, min(_numbers(model.roi_head.semantic_head, 'num_classes', ()), default=1)
