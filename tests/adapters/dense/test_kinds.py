"""What single kinds of dense heads have for themselves, and what is refused."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose
from torch import Tensor

from ckd_mm.adapters.dense.head import DenseHead
from ckd_mm.teachers import build_teacher

from ..detectors import build, narrow, one_stage
from ..pairs import pair
from ..permuted import ORDER, STUDENT, renamed
from .zoo import ZOO, batch, flat, noted_labels, outputs_of, part, zoo

TOPK = 20


def test_guided_anchors_are_compared_where_the_teacher_makes_some() -> None:
    """Here at a tenth of the positions."""
    student, teacher, data = zoo('GARetinaNet'), zoo('GARetinaNet', 1), batch('')
    location = flat(outputs_of(teacher, data)[3], 1)
    teacher.bbox_head.conv_loc.bias.data += -4.59 - location.quantile(0.9)
    given = pair(student, teacher, deepcopy(data), part(topk=5))
    outs = outputs_of(teacher, data)
    logits = flat(outs[0], 10)
    scores = logits.sigmoid().amax(2) * (flat(outs[3], 1)[..., 0].sigmoid() >= 0.01)
    best = scores.topk(5).indices
    assert (best != logits.amax(2).topk(5).indices).any()
    assert (flat(outs[3], 1)[..., 0].sigmoid().gather(1, best) >= 0.01).all()
    for image in range(2):
        rows = given['teacher'][5 * image : 5 * image + 5]
        assert_allclose(rows, logits[image][best[image]], rtol=1e-4, atol=1e-4)


def test_after_its_first_epochs_tood_is_told_labels_with_their_alignment() -> None:
    student = zoo('TOOD')
    student.bbox_head.initial_epoch = 0
    calls = noted_labels(student)
    on = part(rows='assigned', topk=10_000)
    given = pair(student, zoo('TOOD', seed=1), batch('TOOD'), on, 'target')
    labels = torch.cat([label for _, label in calls])
    assert sorted(given['target'].tolist()) == sorted(labels[labels < 10].tolist())
    assert len(given['target']) > 1


@pytest.mark.parametrize('bias', [200.0, -200.0])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_logits_of_rounded_probabilities_are_finite(
    bias: float, dtype: torch.dtype
) -> None:
    student = zoo('TOOD')
    for layer in (student.bbox_head.tood_cls, student.bbox_head.cls_prob_module[-1]):
        torch.nn.init.constant_(layer.bias, bias)
    student.bbox_head.register_forward_hook(
        lambda _, __, out: ([level.to(dtype) for level in out[0]], out[1])
    )
    data = student.data_preprocessor(batch('TOOD'), True)
    outs = student.bbox_head(student.extract_feat(data['inputs']))
    rows = DenseHead(student).class_rows([outs], torch.arange(50))
    assert rows.dtype is torch.float32 and rows.isfinite().all()
    assert rows.abs().min() > 6 and rows.abs().max() < 60
    rows.sum().backward()
    assert student.bbox_head.tood_cls.weight.grad.isfinite().all()


def test_heads_of_different_kinds_share_a_grid() -> None:
    """A TOOD teaches a GFL: both have a sigmoid per class, and one point."""
    given = pair(one_stage('GFL'), zoo('TOOD'), batch('TOOD'), part(topk=5))
    assert given['student'].shape == given['teacher'].shape == (10, 10)


@pytest.mark.parametrize(
    ('student', 'teacher', 'message'),
    [
        ('SOLO', 'FoveaBox', r"has \['8 x 8 cells', .* and the teacher \[\(8, 8\)"),
        ('CenterNet', 'CornerNet', 'of CenterNetHead.* of CornerHead'),
        ('SSD', 'YOLOv3', 'strides of the levels'),
    ],
)
def test_other_grids_are_refused(student: str, teacher: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pair(zoo(student), zoo(teacher), batch(student), 'dense_logits')


def test_classes_of_an_object_are_not_compared_with_those_of_a_point() -> None:
    """YOLOX says which class an object has, RTMDet whether there is one of a class."""
    with pytest.raises(
        ValueError, match='student are a sigmoid per class over objects'
    ):
        pair(one_stage('YOLOX'), one_stage('RTMDet'), batch(''), 'dense_logits')


@pytest.mark.parametrize('kind', ['YOLOX', 'YOLOv3'])
@pytest.mark.parametrize('rows', ['both', 'assigned'])
def test_objectness_beside_the_classes_is_a_part_of_its_own(
    kind: str, rows: str
) -> None:
    student, teacher = (
        one_stage(kind, seed=seed).train() if kind == 'YOLOX' else zoo(kind, seed)
        for seed in (0, 1)
    )
    data, options = batch(''), dict(rows=rows, topk=40)
    on = dict(part='dense_objectness', **options)
    torch.manual_seed(0)
    given = pair(student, teacher, deepcopy(data), on, 'target')
    classes = pair(student, teacher, deepcopy(data), part(**options))
    for name, model in (('student', student), ('teacher', teacher)):
        outs = outputs_of(model, data)
        if kind == 'YOLOX':
            logits, objectness = flat(outs[0], 10), flat(outs[2], 1)
        else:
            logits, objectness = flat(outs[0], 15).split([5, 10], 2)[::-1]
            objectness = objectness[..., 4:]
        assert (given[name][:, 1] == 0).all()
        for row, values in zip(given[name], classes[name], strict=True):
            (point,) = (
                (logits.flatten(0, 1) - values).abs().amax(1).topk(1, 0, False)[1]
            )
            assert_allclose(row[:1], objectness.flatten(0, 1)[point], 1e-4, 1e-5)
    assert (given['target'] == 0).any() and (given['target'] == 1).any() == (
        rows == 'both'
    )


def test_grids_of_other_numbers_of_cells_are_refused() -> None:
    teacher = zoo('SOLO')
    teacher.mask_head.num_grids = [8, 7, 6, 5, 3]
    with pytest.raises(ValueError, match="'4 x 4 cells'.*'3 x 3 cells'"):
        pair(zoo('SOLO'), teacher, batch('SOLO'), 'dense_logits')


@pytest.mark.parametrize('kind', ['GARetinaNet', 'SOLO'])
def test_a_head_that_filters_in_eval_mode_stays_in_it(kind: str) -> None:
    teacher = zoo(kind, seed=1)
    teacher.eval()
    pair(zoo(kind), teacher, batch(kind), 'dense_logits')
    assert not any(module.training for module in teacher.modules())


def rpn(config: str, seed: int = 0) -> BaseModel:
    def narrow(model: Any) -> None:
        model.rpn_head.update(in_channels=32, feat_channels=32)

    detector = build(config, narrow, seed)
    detector.train()
    return detector


@pytest.mark.parametrize('kind', ['rpn/rpn_r50', 'guided_anchoring/ga-rpn_r50'])
def test_an_rpn_alone_is_compared_by_its_objectness(kind: str) -> None:
    config = f'{kind}_fpn_1x_coco'
    student, teacher, data = rpn(config), rpn(config, seed=1), batch('')
    on = dict(part='rpn_logits', topk=TOPK)
    given = pair(student, teacher, deepcopy(data), on, 'target')
    assert given['student'].shape == (2 * TOPK, 2)
    outs = [outputs_of(model, data) for model in (student, teacher)]
    rows = [flat(out[0], 1) for out in outs]
    scores = rows[1].sigmoid()[..., 0]
    if len(outs[1]) == 4:
        scores = scores * (flat(outs[1][3], 1)[..., 0].sigmoid() >= 0.01)
    for image in range(2):
        best = scores[image].topk(TOPK).indices
        for name, values in zip(('student', 'teacher'), rows, strict=True):
            found = given[name][image * TOPK : (image + 1) * TOPK]
            assert_allclose(found[:, :1], values[image][best], rtol=1e-4, atol=1e-5)
            assert (found[:, 1] == 0).all()


def test_box_deltas_of_an_rpn_need_anchors_of_the_config() -> None:
    plain, guided = 'rpn/rpn_r50', 'guided_anchoring/ga-rpn_r50'
    student = rpn(f'{plain}_fpn_1x_coco')
    given = pair(student, deepcopy(student), batch(''), 'rpn_boxes', 'box_target')
    assert given['student'].shape == given['box_target'].shape
    assert_allclose(given['student'], given['teacher'], rtol=1e-3, atol=1e-4)
    student = rpn(f'{guided}_fpn_1x_coco')
    with pytest.raises(ValueError, match='head makes its own anchors'):
        pair(student, student, batch(''), 'rpn_boxes')


@pytest.mark.parametrize('kind', ['LAD', 'LD'])
def test_a_model_with_a_teacher_of_its_own_can_teach(kind: str, tmp_path: Path) -> None:
    """Its `train()` and `eval()` return None, and its own teacher is no part of it."""
    config = narrow(ZOO[kind].config, ZOO[kind].change)
    path = tmp_path / 'teacher.pth'
    torch.save(dict(state_dict=zoo(kind, seed=1).state_dict()), path)
    teacher = build_teacher(dict(model=config, default_scope='mmdet'), path)
    assert not any(module.training for module in teacher.modules())
    given = pair(zoo(kind), teacher, batch(kind), part(topk=5))
    assert given['teacher'].shape == (10, 10)
    assert not any(module.training for module in teacher.modules())


def in_another_order(teacher: BaseModel, kind: str) -> None:
    """Have the head return its classes in the order of `ORDER`."""
    before, after = (5, 0) if kind == 'YOLOv3' else (0, int(kind == 'SSD'))
    channels = [
        *range(before),
        *(before + number for number in ORDER),
        *range(before + 10, before + 10 + after),
    ]

    def reorder(level: Tensor) -> Tensor:
        anchors = level.unflatten(1, (-1, len(channels)))
        return anchors[:, :, channels].flatten(1, 2)

    def hook(head: Any, args: Any, output: Any) -> Any:
        if isinstance(output, Tensor):
            return reorder(output)
        number = int(kind == 'SOLO')
        found = list(output)
        found[number] = [reorder(level) for level in found[number]]
        return tuple(found)

    path = DenseHead(teacher).taps[0].module
    teacher.get_submodule(path).register_forward_hook(hook)


@pytest.mark.parametrize('kind', ['CenterNet', 'SOLO', 'SSD', 'TOOD', 'YOLOv3'])
def test_classes_of_the_teacher_in_another_order_are_brought_into_the_students(
    kind: str,
) -> None:
    student, teacher, data = zoo(kind), zoo(kind, seed=1), batch(kind)
    on = part(topk=TOPK)
    known = pair(student, teacher, deepcopy(data), on, names=renamed(STUDENT))
    in_another_order(teacher, kind)
    names = renamed([STUDENT[number] for number in ORDER])
    given = pair(student, teacher, deepcopy(data), on, names=names)
    assert_allclose(given['teacher'], known['teacher'], rtol=1e-4, atol=1e-5)
    assert_allclose(given['student'], known['student'], rtol=1e-4, atol=1e-5)
    alone = pair(student, teacher, deepcopy(data), on)
    assert not torch.allclose(alone['teacher'], known['teacher'], atol=1e-2)
