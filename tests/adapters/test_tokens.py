"""`on='tokens'` of real ViTs: maps of the patches, without the tokens before them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample

from ckd_mm.teachers import read_teachers

from .pairs import pair

ARCH = dict(embed_dims=16, num_layers=3, num_heads=2, feedforward_channels=16)


def vit(backbone: str = 'VisionTransformer', seed: int = 0, **options: Any) -> Any:
    head = 'DeiTClsHead' if backbone.startswith('Dist') else 'VisionTransformerClsHead'
    model = dict(
        type='ImageClassifier',
        data_preprocessor=dict(type='ClsDataPreprocessor'),
        backbone=dict(
            type=backbone, arch=ARCH, img_size=(16, 24), patch_size=8, **options
        ),
        head=dict(type=head, num_classes=10, in_channels=16),
    )
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        built = MODELS.build(model)
    built.init_weights()
    return built.eval()


def given(student: BaseModel, teacher: BaseModel, on: Any) -> dict[str, Any]:
    samples = [DataSample().set_gt_label(label) for label in range(2)]
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 16, 24, generator=generator)
    return pair(student, teacher, dict(inputs=list(images), data_samples=samples), on)


@pytest.mark.parametrize(
    'backbone', ['VisionTransformer', 'DistilledVisionTransformer', 'DeiT3', 'ViTEVA02']
)
def test_the_last_block_is_the_map_that_the_backbone_returns(
    imported: None, backbone: str
) -> None:
    """Its own `out_type='featmap'`, on a grid of 2 x 3 patches."""
    student = vit(backbone)
    found = given(student, vit(backbone, seed=1), 'tokens')
    (of_student,) = found['student']
    assert of_student.shape == (2, 16, 2, 3)
    student.backbone.out_type = 'featmap'
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 16, 24, generator=generator)
    assert torch.equal(of_student, student.backbone(images)[-1])
    assert not torch.equal(*found['student'], *found['teacher'])


def test_blocks_are_chosen_by_number_and_a_cnn_takes_one_of_them(
    imported: None,
) -> None:
    student = vit()
    on = dict(part='tokens', blocks=[0, -1])
    found = given(student, deepcopy(student), on)
    assert [one.shape for one in found['student']] == [(2, 16, 2, 3)] * 2
    named = dict(student='tokens:0', teacher='tokens:-3')
    both = given(student, deepcopy(student), named)
    assert torch.equal(both['student'], found['student'][0])
    assert torch.equal(both['teacher'], found['teacher'][0])


def test_a_teacher_of_another_library_gives_its_blocks(imported: None) -> None:
    student = vit()
    args = dict(depth=2, embed_dim=12, num_heads=2)
    options = dict(type='timm', model='vit_tiny_patch16_224', args=args)
    (kind,) = read_teachers(dict(options, pretrained=False))
    teacher: Any = kind.sketch(None, student)
    found = given(student, teacher.model, dict(part='tokens', blocks=[0, -1]))
    same = given(student, teacher.model, dict(student='tokens:0', teacher='blocks:0'))
    assert [one.shape for one in found['teacher']] == [(2, 12, 1, 2)] * 2
    assert torch.equal(found['teacher'][0], same['teacher'])


def test_the_tokens_before_the_patches_are_not_in_the_map(imported: None) -> None:
    student = vit('DistilledVisionTransformer')
    changed = deepcopy(student)
    changed.backbone.layers = torch.nn.ModuleList(torch.nn.Identity() for _ in range(3))
    student.backbone.layers = deepcopy(changed.backbone.layers)
    with torch.no_grad():
        changed.backbone.cls_token.add_(1)
        changed.backbone.dist_token.add_(1)
    found = given(student, changed, dict(part='tokens', blocks=[1]))
    assert torch.equal(*found['student'], *found['teacher'])


def test_a_model_without_such_blocks_is_told_what_to_do(imported: None) -> None:
    student = vit()
    with pytest.raises(ValueError, match=r'no tokens:3, .* has 3 blocks; name one of'):
        given(student, deepcopy(student), 'module:tokens:3')
    with pytest.raises(ValueError, match=r'blocks must be a list .*; leave it out'):
        given(student, deepcopy(student), dict(part='tokens', blocks=-1))
    no_vit = deepcopy(student)
    no_vit.backbone.layers = torch.nn.Sequential(*no_vit.backbone.layers)
    with pytest.raises(ValueError, match=r'teacher ImageClassifier is no ViT; compare'):
        given(student, no_vit, 'tokens')
    with pytest.raises(ValueError, match=r'has no blocks of tokens, .*; name a module'):
        given(student, no_vit, dict(student='tokens:0', teacher='tokens:0'))
