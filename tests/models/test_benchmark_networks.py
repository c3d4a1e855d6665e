"""Our classifiers are the networks of the CIFAR-100 distillation benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor

from ckd_mm.models.benchmark import NETWORKS
from ckd_mm.models.convert import convert_weights

from .benchmark import GOLDEN, NAMES, random_weights
from .references import REFERENCES

BASES = Path(__file__).parents[2] / 'configs' / '_base_' / 'models'
FILES = {name: f'{name.lower().replace("_", "-")}_cifar100.py' for name in NAMES}

# Which outputs of our backbone are the benchmark's features after that of the stem.
FEATURES = {
    'resnet': (0, 1, 2),
    'ResNet50': (0, 1, 2, 3),
    'wrn': (0, 1, 2),
    'vgg': (1, 2, 3, 4),
    'MobileNetV2': (1, 2, 4, 6),
    'ShuffleV1': (0, 1, 2),
    'ShuffleV2': (0, 1, 2),
}

every_network = pytest.mark.parametrize('name', NAMES)


def classifier(name: str, **backbone: object) -> BaseModel:
    """As the config has it."""
    model = Config.fromfile(BASES / FILES[name]).model
    model.backbone.update(backbone)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(model)


@every_network
def test_number_of_parameters(name: str) -> None:
    params = sum(value.numel() for value in classifier(name).parameters())
    assert params == GOLDEN[name]['params']


@every_network
@torch.no_grad()
def test_shapes_of_features_embedding_and_logits(name: str) -> None:
    model = classifier(name).eval()
    images, golden = torch.zeros(2, 3, 32, 32), GOLDEN[name]
    outputs = model.extract_feat(images, stage='backbone')
    (pooled,) = model.extract_feat(images)
    assert len(outputs) == 1
    assert list(pooled.shape) == golden['pooled']
    assert list(model(images, mode='tensor').shape) == golden['logits']


@every_network
@torch.no_grad()
def test_converted_weights_give_the_references_features_and_logits(name: str) -> None:
    weights, images = random_weights(name), random_images()
    feats, pooled, logits = REFERENCES[family(name)](weights, images)
    assert [list(value.shape) for value in feats] == GOLDEN[name]['feats']

    model = classifier(name, out_indices=FEATURES[family(name)]).double().eval()
    model.load_state_dict(convert_weights(weights, name), strict=True)
    outputs = model.extract_feat(images, stage='backbone')
    for output, feature in zip(outputs, feats[1:], strict=True):
        assert_near(output, feature)

    model = classifier(name).double().eval()
    model.load_state_dict(convert_weights(weights, name), strict=True)
    assert_near(model.extract_feat(images)[0], pooled)
    assert_near(model(images, mode='tensor'), logits)


@pytest.mark.parametrize('name', [name for name in NAMES if name != 'ResNet50'])
@torch.no_grad()
def test_the_first_feature_is_that_of_the_stem(name: str) -> None:
    """But for VGG, which has none."""
    weights, images = random_weights(name), random_images()
    feats, _, _ = REFERENCES[family(name)](weights, images)
    model = classifier(name, out_indices=(0,)).double().eval()
    model.load_state_dict(convert_weights(weights, name), strict=True)
    module = model.backbone.layer1 if family(name) == 'vgg' else model.backbone.stem
    assert_near(module(images), feats[0])


@every_network
def test_the_config_is_the_network_that_checkpoints_are_converted_for(
    name: str,
) -> None:
    model = Config.fromfile(BASES / FILES[name]).model
    network = NETWORKS[name]
    said = {key: model.backbone[key] for key in network.backbone}
    assert said == network.backbone
    assert model.head.in_channels == network.channels


def family(name: str) -> str:
    return next(key for key in REFERENCES if name.startswith(key))


def random_images() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 32, 32, generator=generator, dtype=torch.float64)


def assert_near(value: Tensor, expected: Tensor) -> None:
    assert value.shape == expected.shape
    assert (value - expected).abs().max() <= 1e-9 * expected.abs().max()
    assert expected.std() > 1e-3
