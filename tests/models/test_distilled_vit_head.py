"""A ViT with a distillation token is trained by labels and teacher, each its part."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import ModelTeacher

pytestmark = pytest.mark.usefixtures('imported')

WIDTH = dict(embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=16)
TOKEN = dict(
    on=dict(student='head.layers.head_dist', teacher='logits'),
    loss=dict(type='HardKDLoss'),
)


def deit(head: str = 'DistilledViTHead', **options: Any) -> Any:
    backbone = dict(
        type='DistilledVisionTransformer', arch=WIDTH, img_size=16, patch_size=8
    )
    model = dict(
        type='ImageClassifier',
        data_preprocessor=dict(type='ClsDataPreprocessor'),
        backbone=backbone,
        head=dict(type=head, num_classes=5, in_channels=16, init_cfg=None, **options),
    )
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        built = MODELS.build(model)
    built.init_weights()
    return built


def batch() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    samples = [DataSample().set_gt_label(label) for label in range(4)]
    images = torch.randn(4, 3, 16, 16, generator=generator)
    return dict(inputs=images, data_samples=samples)


def distilled(student: BaseModel, **distill: Any) -> dict[str, torch.Tensor]:
    teacher = deepcopy(student).eval().requires_grad_(False)
    distiller = Distiller(student, [ModelTeacher(teacher)], build_terms(distill))
    with distiller.attached():
        return student.train()(**batch(), mode='loss')


@pytest.mark.parametrize('hidden_dim', [None, 8])
def test_the_stock_head_loads_its_weights_and_predicts_the_same(
    hidden_dim: int | None,
) -> None:
    student = deit(hidden_dim=hidden_dim).eval()
    stock = deit('DeiTClsHead', hidden_dim=hidden_dim).eval()
    with torch.no_grad():
        for weight in stock.parameters():
            weight.zero_()
    stock.load_state_dict(student.state_dict(), strict=True)
    images = batch()['inputs']
    logits = student(images, mode='tensor')
    assert logits.abs().sum() > 0
    assert torch.equal(logits, stock(images, mode='tensor'))


def test_labels_train_the_class_token_and_the_teacher_the_other() -> None:
    student = deit()
    losses = distilled(student, token=TOKEN)
    layers: Any = student.head.layers
    for key, trained, other in (
        ('loss_student', layers.head, layers.head_dist),
        ('loss_token', layers.head_dist, layers.head),
    ):
        student.zero_grad()
        losses[key].backward(retain_graph=True)
        assert trained.weight.grad is not None
        assert trained.weight.grad.abs().sum() > 0
        assert other.weight.grad is None
        assert student.backbone.layers[0].attn.qkv.weight.grad.abs().sum() > 0


def test_the_step_is_that_of_the_papers_loss(recwarn: Any) -> None:
    """Both cross-entropies by hand, of the tokens that the backbone returns."""
    student = deit()
    losses = distilled(student, token=TOKEN)
    images, layers = batch()['inputs'], student.head.layers
    with torch.no_grad():
        teacher = student.eval()(images, mode='tensor').argmax(1)
        cls_token, dist_token = student.backbone(images)[-1]
        entropy: Callable[..., Any] = torch.nn.functional.cross_entropy
        hard = entropy(layers.head_dist(dist_token), teacher)
        own = entropy(layers.head(cls_token), torch.arange(4))
    torch.testing.assert_close(losses['loss_token'], hard)
    torch.testing.assert_close(losses['loss_student'], own)
    assert not [one for one in recwarn if 'cannot train' in str(one.message)]
