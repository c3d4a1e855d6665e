"""The small detectors and the classifier that the tests have, by family."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope

from ckd_mm.commands.inspection import Finding, find_parts
from ckd_mm.probing.steps import batch_that_trains
from device.records import ROOT
from device.steps import Setting

__all__ = ['FAMILIES', 'UNMOCKED', 'parts_of', 'setting_of']

Builder = Callable[[int], BaseModel]


def setting_of(family: str) -> Setting:
    """Two models of a family with other weights, and a random batch."""
    student, teacher = (FAMILIES[family](seed) for seed in (0, 1))
    student.train()
    zoo = _of_tests('roi.zoo')  # narrow as they are, some have fewer semantic classes
    if family in zoo.ZOO:
        return Setting(student, teacher, zoo.batch(student))
    batch = batch_that_trains(copy.deepcopy(student), (64, 96))
    return Setting(student, teacher, batch)


def parts_of(setting: Setting) -> list[Finding]:
    """The parts that the two models can be compared by, with a loss that fits each."""
    # Some heads keep tensors of a step, after which they cannot be copied any more.
    student, teacher = copy.deepcopy((setting.student, setting.teacher))
    found = find_parts(student, teacher, setting.batch)
    return [finding for finding in found if finding.term is not None]


def classifier(seed: int) -> BaseModel:
    """A narrow ResNet-18 on images of 10 classes."""
    import torch

    cfg = get_config('mmpretrain::resnet/resnet18_8xb16_cifar10.py')
    cfg.model.backbone.update(base_channels=8, stem_channels=8)
    cfg.model.head.in_channels = 64
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))
    model.init_weights()
    return model


def vit(seed: int) -> BaseModel:
    """A ViT of two narrow blocks on images of 10 classes.

    The mock has no fused attention, so MMPretrain's own is taken.
    """
    import torch
    from mmpretrain.models.utils import attention

    width = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=16)
    model = dict(
        type='ImageClassifier',
        data_preprocessor=dict(type='ClsDataPreprocessor', num_classes=10),
        backbone=dict(type='VisionTransformer', arch=width, img_size=(64, 96)),
        head=dict(type='VisionTransformerClsHead', num_classes=10, in_channels=16),
    )
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        built = MODELS.build(model)
    built.init_weights()
    for block in built.backbone.layers:
        own = attention.scaled_dot_product_attention_pyimpl
        block.attn.scaled_dot_product_attention = own
    return built


def _of_tests(name: str) -> Any:
    """A module of the tests, in a command as well.

    Some packages on the path install a package of the name `tests`.
    """
    if (
        getattr(sys.modules.get('tests'), '__file__', None)
        or 'tests' not in sys.modules
    ):
        tests = ModuleType('tests')
        tests.__path__ = [str(ROOT / 'tests')]
        sys.modules['tests'] = tests
    return importlib.import_module(f'tests.adapters.{name}')


def _all() -> Iterator[tuple[str, Builder]]:
    detectors, roi, dense = map(_of_tests, ('detectors', 'roi.zoo', 'dense.zoo'))
    yield 'ResNet', classifier
    yield 'ViT', vit
    yield 'FasterRCNN', detectors.faster_rcnn
    yield 'MaskRCNN', detectors.mask_rcnn
    yield 'CascadeRCNN', detectors.cascade_rcnn
    yield 'CascadeMaskRCNN', partial(detectors.cascade_rcnn, masks=True)
    for kinds, build in (
        (detectors.ONE_STAGE, detectors.one_stage),
        (detectors.QUERY, detectors.query_based),
        (detectors.MASKED, detectors.masked_queries),
        (roi.ZOO, roi.zoo),
        (dense.ZOO, dense.zoo),
    ):
        for kind in kinds:
            yield kind, partial(_seeded, build, kind)


def _seeded(build: Any, kind: str, seed: int) -> BaseModel:
    return build(kind, seed=seed)


FAMILIES: dict[str, Builder] = dict(_all())

UNMOCKED = ('RepPoints',)
"""Its stock step ends in an error on CUDA: `PointAssigner` of MMDetection 3 indexes a
tensor on the CPU with a mask on the device."""
