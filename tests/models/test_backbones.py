"""What all our backbones have in common, and MobileNetV1."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from ckd_mm import models

BACKBONES: list[dict[str, Any]] = [
    dict(type='CIFARMobileNetV2'),
    dict(type='CIFARResNet', depth=8),
    dict(type='CIFARShuffleNetV1'),
    dict(type='CIFARShuffleNetV2'),
    dict(type='CIFARVGG', depth=8),
    dict(type='CIFARWideResNet', depth=10),
    dict(type='MobileNetV1', widen_factor=0.25),
]

every_backbone = pytest.mark.parametrize(
    'config', BACKBONES, ids=[config['type'] for config in BACKBONES]
)


def test_the_table_has_every_backbone() -> None:
    others = {'SimKDNeck', 'distilled_vit_head', 'dual_head'}
    assert {config['type'] for config in BACKBONES} == {*models.__all__} - others


@every_backbone
@pytest.mark.parametrize('scope', ['mmpretrain', 'mmdet'])
def test_a_config_of_any_scope_finds_it_by_its_plain_name(
    config: dict, scope: str
) -> None:
    with DefaultScope.overwrite_default_scope(scope):
        assert type(MODELS.build(config)).__name__ == config['type']


@every_backbone
def test_outputs_are_those_of_the_stages_asked_for(config: dict) -> None:
    backbone = MODELS.build(config | dict(out_indices=(0, 2))).eval()
    every = MODELS.build(config | dict(out_indices=tuple(range(backbone.num_stages))))
    every.load_state_dict(backbone.state_dict())
    images = torch.randn(2, 3, 32, 32)
    first, third = backbone(images)
    outputs = every.eval()(images)
    assert torch.equal(first, outputs[0])
    assert torch.equal(third, outputs[2])
    (last,) = MODELS.build(config).eval()(images)
    assert last.shape == outputs[-1].shape


@every_backbone
def test_later_stages_do_not_change_an_output(config: dict) -> None:
    """They would with an in-place operation on it."""
    num_stages = MODELS.build(config).num_stages
    backbone = MODELS.build(config | dict(out_indices=tuple(range(num_stages)))).eval()
    with torch.no_grad():
        x = backbone.stem(torch.randn(2, 3, 32, 32))
        for index in range(num_stages):
            stage = backbone.get_submodule(f'layer{index + 1}')
            before = x.clone()
            after = stage(x)
            assert torch.equal(x, before)
            x = after


@every_backbone
def test_every_parameter_gets_a_gradient(config: dict) -> None:
    backbone = MODELS.build(config)
    backbone(torch.randn(2, 3, 64, 64))[0].square().sum().backward()
    missing = [name for name, p in backbone.named_parameters() if p.grad is None]
    assert not missing


@every_backbone
def test_an_unknown_stage_is_refused(config: dict) -> None:
    with pytest.raises(ValueError, match=r'must be from 0 to \d, got \(0, 8\)'):
        getattr(models, config['type'])(
            **{key: value for key, value in config.items() if key != 'type'},
            out_indices=(0, 8),
        )


@pytest.mark.parametrize(
    ('name', 'depth', 'message'),
    [
        ('CIFARResNet', 18, r'6 n \+ 2 .*got 18'),
        ('CIFARResNet', 2, r'6 n \+ 2 .*got 2'),
        ('CIFARWideResNet', 20, r'6 n \+ 4 .*got 20'),
        ('CIFARVGG', 12, 'one of 8, 11, 13, 16, 19, got 12'),
    ],
)
def test_an_unknown_depth_is_refused(name: str, depth: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(models, name)(depth)


@pytest.mark.parametrize(
    'config', [config for config in BACKBONES if 'Shuffle' not in config['type']]
)
def test_convolutions_start_from_kaimings_normal_distribution(config: dict) -> None:
    torch.manual_seed(0)
    backbone = MODELS.build(config)
    backbone.init_weights()
    convs = [module for module in backbone.modules() if isinstance(module, nn.Conv2d)]
    largest = max(convs, key=lambda module: module.weight.numel())
    fan_out = largest.out_channels * largest.kernel_size[0] ** 2
    assert largest.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.05)
    assert abs(largest.weight.mean().item()) < 0.05 * (2 / fan_out) ** 0.5
    assert all(not module.bias.any() for module in convs if module.bias is not None)


@pytest.mark.parametrize('name', ['CIFARShuffleNetV1', 'CIFARShuffleNetV2'])
def test_shufflenets_start_as_pytorch_does(name: str) -> None:
    backbone = getattr(models, name)()
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    backbone.init_weights()
    for key, value in backbone.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_mobilenet_v1_is_the_papers_network() -> None:
    """Its table 1: 4.2 M parameters and 28 layers with the linear one."""
    backbone = models.MobileNetV1(out_indices=(0, 1, 2, 3))
    convs = [module for module in backbone.modules() if isinstance(module, nn.Conv2d)]
    assert len(convs) + 1 == 28
    widths = [32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]
    norms = sum(2 * width for width in widths) + sum(2 * w for w in widths[:-1])
    weights = 27 * 32 + sum(
        9 * a + a * b for a, b in zip(widths[:-1], widths[1:], strict=True)
    )
    params = sum(value.numel() for value in backbone.parameters())
    assert params == weights + norms
    assert params + 1000 * (1024 + 1) == 4_231_976

    shapes = [tuple(x.shape[1:]) for x in backbone(torch.zeros(1, 3, 224, 224))]
    assert shapes == [(128, 56, 56), (256, 28, 28), (512, 14, 14), (1024, 7, 7)]


def test_importing_the_package_imports_neither_library() -> None:
    code = (
        'import sys, ckd_mm\n'
        'from mmengine.registry import MODELS\n'
        "assert MODELS.get('CIFARResNet') is ckd_mm.models.CIFARResNet\n"
        "assert not {'mmpretrain', 'mmdet', 'mmcv'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
