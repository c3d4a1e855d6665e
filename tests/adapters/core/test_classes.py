"""Detectors and classifiers whose teachers have other lists of classes.

A teacher whose classes are in another order gives, matched by name, what the same
teacher gives in the student's order; to a few roundings, as a matrix product sums
the columns at its edge in another order. tests/guarantees/test_classes.py has runs that
are the same bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmengine.testing import assert_allclose
from mmpretrain.structures import DataSample

from ..detectors import (
    build,
    cascade_rcnn,
    faster_rcnn,
    mask_rcnn,
    narrow_rois,
    one_stage,
    query_based,
)
from ..pairs import pair
from ..permuted import ORDER, STUDENT, permuted, renamed
from ..roi.zoo import zoo

OTHER_ORDER = [STUDENT[number] for number in ORDER]
retinanet = partial(one_stage, 'RetinaNet')
MODELS_AND_PARTS: dict[str, tuple[Callable[..., BaseModel], Any]] = {
    'rois': (faster_rcnn, 'roi_logits'),
    'few background': (faster_rcnn, dict(part='roi_logits', background_ratio=1.0)),
    'proposals': (faster_rcnn, dict(part='roi_logits', rois='teacher')),
    'boxes': (faster_rcnn, 'roi_boxes'),
    'masks': (mask_rcnn, 'mask_logits'),
    'cascade': (cascade_rcnn, dict(part='roi_logits', teacher_stage='average')),
    'anchors': (retinanet, 'dense_logits'),
    'binary': (retinanet, dict(part='dense_logits', activation='binary')),
}
EACH = pytest.mark.parametrize(
    ('make', 'on'), MODELS_AND_PARTS.values(), ids=list(MODELS_AND_PARTS)
)


def batch(num_classes: int = 10, with_mask: bool = False) -> dict[str, Any]:
    data = demo_mm_inputs(
        2,
        [[3, 64, 96], [3, 96, 64]],
        num_items=[3, 2],
        num_classes=num_classes,
        with_mask=with_mask,
    )
    for sample, labels in zip(data['data_samples'], [[7, 0, 2], [4, 9]], strict=True):
        sample.gt_instances.labels = torch.tensor(labels) % num_classes
    return data


@EACH
def test_a_teacher_in_another_order_gives_the_same_rows(
    make: Callable[..., BaseModel], on: Any
) -> None:
    student, teacher = make(seed=0), make(seed=1)
    data = batch(with_mask=make is mask_rcnn)
    torch.manual_seed(0)
    same_order = pair(student, teacher, data, on, names=renamed(STUDENT))
    torch.manual_seed(0)
    other_order = pair(
        student, permuted(teacher, ORDER), data, on, names=renamed(OTHER_ORDER)
    )
    torch.manual_seed(0)
    wrong = pair(student, permuted(teacher, ORDER), data, on)
    assert torch.equal(same_order['student'], other_order['student'])
    assert_allclose(same_order['teacher'], other_order['teacher'], atol=1e-5, rtol=1e-4)
    assert same_order['teacher'].shape != wrong['teacher'].shape or not torch.allclose(
        same_order['teacher'], wrong['teacher'], atol=1e-3
    )


@pytest.mark.parametrize('kind', ['DETR', 'DeformableDETR'])
def test_queries_are_matched_in_the_order_of_the_student(kind: str) -> None:
    """The logits of queries without training are so alike that roundings would count,
    so what the teacher returns is brought into another order."""

    def reorder(head: Any, args: Any, output: Any) -> Any:
        order = [*ORDER, 10] if kind == 'DETR' else ORDER
        return (output[0][..., order], *output[1:])

    student, teacher = (query_based(kind, seed=seed) for seed in (0, 1))
    student.train()
    same_order = pair(student, teacher, batch(), 'query_logits', names=renamed(STUDENT))
    teacher.bbox_head.register_forward_hook(reorder)
    other_order = pair(
        student, teacher, batch(), 'query_logits', names=renamed(OTHER_ORDER)
    )
    assert torch.equal(same_order['student'], other_order['student'])
    assert torch.equal(same_order['teacher'], other_order['teacher'])


def test_a_teacher_of_more_classes_teaches_those_of_the_student() -> None:
    """Each column of the pair, beside the teacher's probabilities."""
    few = ['h', 'c', 'e']
    student = faster_rcnn_of(3)
    teacher, outputs = faster_rcnn(1), []
    teacher.roi_head.bbox_head.register_forward_hook(
        lambda _, __, output: outputs.append(output[0])
    )
    given = pair(
        student,
        teacher,
        batch(3),
        'roi_logits',
        'target',
        names=renamed(STUDENT, few),
    )
    probabilities = outputs[0].softmax(1)
    expected = probabilities[:, [7, 2, 4]]
    found = given['teacher'].softmax(1)
    assert found.shape == (len(outputs[0]), 4)
    assert_allclose(found[:, :3], expected)
    assert_allclose(found[:, 3], 1 - expected.sum(1))
    assert given['target'].max() <= 3


def test_rows_of_classes_that_the_teacher_lacks_leave_the_term() -> None:
    """The teacher of 3 classes says nothing of RoIs of the other 7."""
    known = ['h', 'c', 'e']
    student, teacher = faster_rcnn(0), faster_rcnn_of(3, seed=1)
    torch.manual_seed(0)
    every = pair(student, deep(student), batch(), 'roi_logits', 'target', 'rois')
    torch.manual_seed(0)
    given = pair(
        student,
        teacher,
        batch(),
        'roi_logits',
        'target',
        'rois',
        names=renamed(known),
    )
    labels = every['target']
    stay = [
        row
        for row, label in enumerate(labels.tolist())
        if label == 10 or STUDENT[label] in known
    ]
    assert 0 < len(stay) < len(labels)
    assert torch.equal(given['rois'], every['rois'][stay])
    assert given['student'].shape == given['teacher'].shape == (len(stay), 4)
    columns = [STUDENT.index(name) for name in ('c', 'e', 'h')]
    expected = every['student'][stay].softmax(1)[:, columns]
    assert_allclose(given['student'].softmax(1)[:, :3], expected)
    named = [4 if label == 10 else columns.index(label) for label in labels[stay]]
    assert given['target'].tolist() == [min(one, 3) for one in named]


@pytest.mark.parametrize('on', ['roi_boxes', 'mask_logits'])
def test_rows_of_objects_leave_as_well(on: str) -> None:
    student, teacher = mask_rcnn(0), mask_rcnn_of(3, seed=1)
    torch.manual_seed(0)
    data = batch(with_mask=True)
    every = pair(student, deep(student), data, on, 'target')
    torch.manual_seed(0)
    given = pair(student, teacher, data, on, 'target', names=renamed(['h', 'c', 'e']))
    known = sum(int((every['target'] == one).sum()) for one in (7, 2, 4))
    assert 0 < known < len(every['target'])
    assert len(given['teacher']) == len(given['student']) == known


def test_the_teacher_is_surest_where_it_sees_a_common_class() -> None:
    """Anchors are not chosen for an object that the student does not know."""
    student = one_stage('RetinaNet', of(3))
    teacher = one_stage('RetinaNet', seed=1)
    outputs: list[Any] = []
    teacher.bbox_head.register_forward_hook(lambda _, __, out: outputs.append(out[0]))
    names = renamed(STUDENT, ['h', 'c', 'e'])
    on = dict(part='dense_logits', topk=20)
    given = pair(student, teacher, batch(3), on, names=names)
    best = torch.cat(
        [
            level.permute(0, 2, 3, 1).reshape(2, -1, 10)[:, :, [7, 2, 4]]
            for level in outputs[0]
        ],
        1,
    )
    expected = best.amax(2).topk(20, 1).values.flatten()
    assert_allclose(given['teacher'].amax(1), expected)


def test_an_object_that_the_teacher_does_not_know_leaves_the_anchors() -> None:
    student = one_stage('RetinaNet')
    teacher = one_stage('RetinaNet', of(3), seed=1)
    on = dict(part='dense_logits', rows='assigned', topk=1000)
    every = pair(student, deep(student), batch(), on, 'target')
    given = pair(
        student, teacher, batch(), on, 'target', names=renamed(['h', 'c', 'e'])
    )
    known = sum(int((every['target'] == one).sum()) for one in (7, 2, 4))
    assert 0 < known < len(every['target'])
    assert given['teacher'].shape == (known, 3)
    assert given['target'].max() < 3


@pytest.mark.parametrize('activation', [None, 'binary'])
def test_roi_heads_with_a_sigmoid_per_class(activation: str | None) -> None:
    def sigmoid(model: Any) -> None:
        narrow_rois(model)
        model.roi_head.bbox_head.loss_cls = dict(
            type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0
        )

    student, teacher = (
        build('faster_rcnn/faster-rcnn_r50_fpn_1x_coco', sigmoid, seed)
        for seed in (0, 1)
    )
    on = dict(part='roi_logits', activation=activation)
    given = pair(student, teacher, batch(), on, 'target')
    rows = len(given['rois']) if 'rois' in given else len(given['student'])
    if activation is None:
        assert given['student'].shape[1] == 11
    else:
        assert given['student'].shape == (rows, 2) and rows % 11 == 0
        # of each RoI one question is answered by yes, that of background included
        assert (given['target'].reshape(-1, 11) == 0).sum(1).tolist() == [1] * (
            rows // 11
        )
    with pytest.raises(ValueError, match='sigmoid per class with background and those'):
        pair(student, faster_rcnn(1), batch(), 'roi_logits')


def test_seesaw_heads_are_compared_group_by_group() -> None:
    student, teacher = seesaw(0), seesaw(1)
    outputs: list[Any] = []
    teacher.roi_head.bbox_head.register_forward_hook(
        lambda _, __, output: outputs.append(output[0])
    )
    torch.manual_seed(0)
    classes = pair(student, teacher, batch(), 'roi_logits', 'target')
    torch.manual_seed(0)
    ground = pair(student, teacher, batch(), 'roi_objectness', 'target')
    labels = ground['target'] == 0
    assert_allclose(classes['teacher'], outputs[0][labels][:, :10])
    assert (classes['target'] < 10).all() and len(classes['target']) == labels.sum()
    assert_allclose(ground['teacher'], outputs[1][:, 10:])
    with pytest.raises(ValueError, match=r'Seesaw.* teacher a softmax with background'):
        pair(student, faster_rcnn(1), batch(), 'roi_logits')
    with pytest.raises(ValueError, match='only heads with the Seesaw loss have it'):
        pair(faster_rcnn(0), teacher, batch(), 'roi_objectness')


def test_an_object_of_another_class_is_background_to_a_seesaw_student() -> None:
    student, teacher = seesaw(0, 3), seesaw(1)
    outputs: list[Any] = []
    teacher.roi_head.bbox_head.register_forward_hook(
        lambda _, __, output: outputs.append(output[0])
    )
    names = renamed(STUDENT, ['h', 'c', 'e'])
    given = pair(student, teacher, batch(3), 'roi_objectness', names=names)
    activation = teacher.roi_head.bbox_head.loss_cls.get_activation(outputs[0])
    expected = activation[:, [7, 2, 4]].sum(1)
    assert_allclose(given['teacher'].softmax(1)[:, 0], expected)


class Classifiers:
    """Narrow ResNet-18s of MMPretrain."""

    def __init__(self, config: Callable[..., Config], folder: Path) -> None:
        self.config, self.folder = config, folder

    def build(self, seed: int, num_classes: int = 10, several: bool = False) -> Any:
        cfg = self.config(self.folder)
        cfg.model.head.num_classes = num_classes
        if several:
            cfg.model.head = dict(
                type='MultiLabelLinearClsHead', num_classes=num_classes, in_channels=64
            )
        cfg.model.data_preprocessor = dict(type='ClsDataPreprocessor')
        torch.manual_seed(seed)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            return MODELS.build(cfg.model).eval()


@pytest.fixture(scope='module')
def classifiers(
    classifier_config: Callable[..., Config], tmp_path_factory: Any
) -> Classifiers:
    return Classifiers(classifier_config, tmp_path_factory.mktemp('unused'))


def images(labels: list[int]) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    samples = [
        DataSample(metainfo=dict(sample_idx=number)).set_gt_label(label)
        for number, label in enumerate(labels)
    ]
    pixels = torch.rand(len(labels), 3, 16, 16, generator=generator) * 255
    return dict(inputs=list(pixels), data_samples=samples)


def test_classifiers_in_another_order(classifiers: Classifiers) -> None:
    student, teacher = classifiers.build(0), classifiers.build(1)
    data = images(list(range(10)))
    same_order = pair(student, teacher, data, 'logits')
    other_order = pair(
        student, permuted(teacher, ORDER), data, 'logits', names=renamed(OTHER_ORDER)
    )
    assert_allclose(same_order['teacher'], other_order['teacher'])


def test_classifiers_with_more_and_with_fewer_classes(classifiers: Classifiers) -> None:
    few = ['h', 'c', 'e']
    small, large = classifiers.build(0, 3), classifiers.build(1)
    given = pair(small, large, images([0, 1, 2]), 'logits', names=renamed(STUDENT, few))
    logits = large(large.data_preprocessor(images([0, 1, 2]))['inputs'], mode='tensor')
    expected = large.head(
        large.extract_feat(large.data_preprocessor(images([0, 1, 2]))['inputs'])
    )
    assert logits is not None
    assert_allclose(given['teacher'], expected[:, [7, 2, 4]])
    given = pair(
        large,
        small,
        images([7, 0, 4, 2]),
        'logits',
        'target',
        'sample_index',
        names=renamed(few),
    )
    assert given['sample_index'].tolist() == [0, 2, 3]
    assert given['target'].tolist() == [2, 1, 0]  # among c, e, h
    assert given['teacher'].shape == given['student'].shape == (3, 3)


def test_classifiers_of_several_labels_are_questions_by_class(
    classifiers: Classifiers,
) -> None:
    student, teacher = (classifiers.build(seed, several=True) for seed in (0, 1))
    data = images([0, 1])
    for sample in data['data_samples']:
        sample.set_gt_score(torch.eye(10)[0])
    on = dict(part='logits', activation='binary')
    assert pair(student, teacher, data, on)['student'].shape == (20, 2)
    with pytest.raises(
        ValueError, match='a sigmoid per class and those of the teacher'
    ):
        pair(student, classifiers.build(1), data, 'logits')


def deep(model: BaseModel) -> BaseModel:
    return permuted(model, range(10))


def of(number: int) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        model.bbox_head.num_classes = number

    return change


def rois_of(number: int) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        narrow_rois(model)
        model.roi_head.bbox_head.num_classes = number
        if 'mask_head' in model.roi_head:
            model.roi_head.mask_head.num_classes = number

    return change


def faster_rcnn_of(number: int, seed: int = 0) -> BaseModel:
    return build('faster_rcnn/faster-rcnn_r50_fpn_1x_coco', rois_of(number), seed)


def mask_rcnn_of(number: int, seed: int = 0) -> BaseModel:
    return build('mask_rcnn/mask-rcnn_r50_fpn_1x_coco', rois_of(number), seed)


def seesaw(seed: int, number: int = 10) -> BaseModel:
    def change(model: Any) -> None:
        rois_of(number)(model)
        model.roi_head.bbox_head.loss_cls = dict(
            type='SeesawLoss', p=0.8, q=2.0, num_classes=number, loss_weight=1.0
        )
        model.roi_head.bbox_head.cls_predictor_cfg = dict(type='NormedLinear')

    return build('faster_rcnn/faster-rcnn_r50_fpn_1x_coco', change, seed)


@pytest.mark.parametrize('activation', ['softmax', 'binary'])
def test_the_class_of_a_mask_is_no_target_among_its_pixels(activation: str) -> None:
    student, teacher = mask_rcnn(0), mask_rcnn(1)
    data, on = batch(with_mask=True), dict(part='mask_logits', activation=activation)
    given = pair(student, teacher, data, on, 'rois')
    assert len(given['rois']) == len(given['student'])
    with pytest.raises(ValueError, match="'target'.*columns are pixels"):
        pair(student, teacher, data, on, 'target')


def test_semantic_maps_have_no_names_to_match() -> None:
    student, teacher = zoo('PanopticFPN', 0), zoo('PanopticFPN', 1)
    names = renamed(OTHER_ORDER)
    with pytest.raises(ValueError, match='name other classes, and nothing names those'):
        pair(student, teacher, {}, 'semantic_logits', names=names)
