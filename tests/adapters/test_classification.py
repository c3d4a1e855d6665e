from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import ModelTeacher

from .pairs import pair

MIXUP = dict(augments=dict(type='Mixup', alpha=0.8))


@pytest.fixture(scope='module')
def build(
    classifier_config: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., BaseModel]:
    def make(**train_cfg: Any) -> BaseModel:
        cfg = classifier_config(tmp_path_factory.mktemp('unused'))
        model = dict(
            cfg.model, data_preprocessor=cfg.data_preprocessor, train_cfg=train_cfg
        )
        torch.manual_seed(0)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            student = MODELS.build(model)
        student.init_weights()
        return student.eval()

    return make


def step(
    student: BaseModel, teacher: BaseModel, **distill: Any
) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
    """What the losses get of a batch, and the losses of a step on it."""
    distiller = Distiller(student, [ModelTeacher(teacher)], build_terms(distill))
    images = list(torch.randint(256, (6, 3, 16, 16), dtype=torch.uint8))
    samples = [DataSample().set_gt_label(i) for i in range(6)]
    batch = dict(inputs=images, data_samples=samples)
    pairs = {name: pair.arguments() for name, pair in distiller.pairs(batch).items()}
    data = student.data_preprocessor(batch, True)
    with distiller.attached():
        return pairs, student(**data, mode='loss')


def test_a_twin_gives_the_same_logits_and_the_images_labels(
    build: Callable[..., BaseModel],
) -> None:
    student = build()
    dkd = dict(on='logits', loss=dict(type='DKDLoss'))
    pairs, losses = step(student, deepcopy(student), dkd=dkd)
    assert torch.equal(pairs['dkd']['student'], pairs['dkd']['teacher'])
    assert pairs['dkd']['student'].shape == (6, 10)
    assert pairs['dkd']['target'].tolist() == [0, 1, 2, 3, 4, 5]
    assert losses['loss_dkd'].item() == pytest.approx(0, abs=1e-6)


def test_mixed_images_come_with_soft_labels_and_reach_the_teacher(
    build: Callable[..., BaseModel],
) -> None:
    student = build(**MIXUP)
    dkd = dict(on='logits', loss=dict(type='DKDLoss'))
    pairs, losses = step(student, deepcopy(student), dkd=dkd)
    target = pairs['dkd']['target']
    assert target.shape == (6, 10)
    torch.testing.assert_close(target.sum(1), torch.ones(6))
    assert torch.equal(pairs['dkd']['student'], pairs['dkd']['teacher'])
    assert torch.isfinite(losses['loss_dkd'])


def test_a_term_on_the_backbone_does_not_run_the_teachers_head(
    build: Callable[..., BaseModel],
) -> None:
    student = build()
    teacher, calls = deepcopy(student), []
    teacher.head.register_forward_hook(lambda *_: calls.append(1))
    pairs, _ = step(
        student, teacher, kd=dict(on='module:neck', loss=dict(type='KDLoss'))
    )
    assert torch.equal(pairs['kd']['student'], pairs['kd']['teacher'])
    assert pairs['kd']['student'].shape == (6, 64)
    assert calls == []


def test_modules_of_different_names_can_be_paired(
    build: Callable[..., BaseModel],
) -> None:
    student = build()
    on = dict(student='head.fc', teacher='head')
    pairs, _ = step(
        student, deepcopy(student), kd=dict(on=on, loss=dict(type='KDLoss'))
    )
    assert torch.equal(pairs['kd']['student'], pairs['kd']['teacher'])


def test_a_batch_of_one_image_warns_once_that_ckd_has_no_negatives(
    build: Callable[..., BaseModel],
) -> None:
    student = build()
    terms = build_terms(dict(ckd=dict(on='logits', loss=dict(type='CKDLoss'))))
    distiller = Distiller(student, [ModelTeacher(deepcopy(student))], terms)
    data = student.data_preprocessor(
        dict(
            inputs=torch.zeros(1, 3, 16, 16, dtype=torch.uint8),
            data_samples=[DataSample().set_gt_label(0)],
        ),
        True,
    )
    distiller.attach()
    with pytest.warns(UserWarning, match='negatives') as caught:
        for _ in range(3):
            losses = student(**data, mode='loss')
    distiller.detach()
    assert len([w for w in caught if 'negatives' in str(w.message)]) == 1
    assert losses['loss_ckd'].item() == 0.0


def test_an_embedding_is_what_the_classifier_makes_the_logits_of(
    build: Callable[..., BaseModel],
) -> None:
    student = build()
    given = pair(
        student, deepcopy(student), batch(), 'embedding', 'target', 'sample_index'
    )
    assert given['student'].shape == (6, 64)
    assert torch.equal(given['student'], given['teacher'])
    images = student.data_preprocessor(batch(), False)['inputs']
    logits = student.head.fc(given['student'])
    torch.testing.assert_close(logits, student(images, mode='tensor'))
    assert given['target'].tolist() == [0, 1, 2, 3, 4, 5]
    assert given['sample_index'].tolist() == [10, 11, 12, 13, 14, 15]


def test_an_image_of_a_classifier_fills_the_batch(
    build: Callable[..., BaseModel],
) -> None:
    student = build()
    names = ('image_size', 'image_shapes')
    given = pair(student, deepcopy(student), batch(), 'backbone', *names)
    size = tuple(student.data_preprocessor(batch(), False)['inputs'].shape[2:])
    assert given['image_size'] == size
    assert given['image_shapes'] == [size] * 6


def test_of_several_linear_layers_the_last_one_counts(
    build: Callable[..., BaseModel],
) -> None:
    student = build()
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        student.head = MODELS.build(
            dict(
                type='StackedLinearClsHead',
                num_classes=10,
                in_channels=64,
                mid_channels=[24],
            )
        )
    given = pair(student, deepcopy(student).eval(), batch(), 'embedding')
    assert given['student'].shape == (6, 24)


def test_the_students_embedding_is_paired_with_logits_of_other_classes(
    build: Callable[..., BaseModel],
) -> None:
    student = build()
    teacher = deepcopy(student)
    teacher.head.fc = torch.nn.Linear(64, 7)
    on = dict(student='embedding', teacher='logits')
    given = pair(student, teacher, batch(), on, 'target')
    images = student.data_preprocessor(batch(), False)['inputs']
    assert torch.equal(given['teacher'], teacher(images, mode='tensor'))
    assert torch.equal(given['student'], student.extract_feat(images)[-1])
    assert given['target'].tolist() == [0, 1, 2, 3, 4, 5]


def test_logits_of_both_are_compared_by_the_part_that_matches_classes(
    build: Callable[..., BaseModel],
) -> None:
    on = dict(student='logits', teacher='logits')
    with pytest.raises(ValueError, match=r"match the classes .*; write on='logits'"):
        pair(build(), build(), batch(), on)


def test_stages_and_embedding_are_levels_of_one_pair(
    build: Callable[..., BaseModel],
) -> None:
    student = build()
    on = ['module:backbone.layer1', 'backbone', 'embedding']
    given = pair(student, deepcopy(student), batch(), on)
    shapes = [tuple(level.shape) for level in given['student']]
    assert shapes == [(6, 8, 16, 16), (6, 64, 2, 2), (6, 64)]
    for of_student, of_teacher in zip(given['student'], given['teacher'], strict=True):
        assert torch.equal(of_student, of_teacher)


def test_samples_without_an_index_are_told_where_it_comes_from(
    build: Callable[..., BaseModel],
) -> None:
    student, data = build(), batch()
    for sample in data['data_samples']:
        del sample.sample_idx
    with pytest.raises(ValueError, match="'sample_idx' in the meta_keys of PackInputs"):
        pair(student, deepcopy(student), data, 'embedding', 'sample_index')


def batch() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (6, 3, 16, 16), dtype=torch.uint8, generator=generator)
    samples = [DataSample().set_gt_label(i) for i in range(6)]
    for i, sample in enumerate(samples):
        sample.set_metainfo(dict(sample_idx=10 + i))
    return dict(inputs=images, data_samples=samples)


def test_a_backbone_that_returns_pairs_has_no_maps(imported: None) -> None:
    """DeiT with a distillation token returns both of its tokens."""
    layers = dict(embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=16)
    model = dict(
        type='ImageClassifier',
        data_preprocessor=dict(type='ClsDataPreprocessor'),
        backbone=dict(
            type='DistilledVisionTransformer', arch=layers, img_size=16, patch_size=8
        ),
        head=dict(type='DeiTClsHead', num_classes=10, in_channels=16),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        student = MODELS.build(model).train()
    samples = [DataSample().set_gt_label(label) for label in range(2)]
    batch = dict(inputs=[torch.zeros(3, 16, 16)] * 2, data_samples=samples)
    with pytest.raises(ValueError, match="'backbone' returns a tuple of tuple, and a"):
        pair(student, deepcopy(student).eval(), batch, 'backbone')
