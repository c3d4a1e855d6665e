"""Rows of the zoo's dense heads against what a slow reading of each gives.

Here each head's outputs are flattened in MMDetection's own order, and scored as the
head's own prediction does; the labels are those that its class loss got.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose
from torch import Tensor

from ckd_mm.adapters import OneStageAdapter, find_adapter
from ckd_mm.adapters.dense_head import DenseHead
from ckd_mm.teachers import build_teacher

from .dense_zoo import ZOO, batch, zoo
from .detectors import build, narrow, one_stage
from .pairs import pair
from .permuted import ORDER, STUDENT, renamed

EACH = pytest.mark.parametrize('kind', ZOO)
TOLD = [kind for kind in ZOO if ZOO[kind].has_labels]
TOPK = 20


def part(**options: Any) -> dict[str, Any]:
    return dict(part='dense_logits', **options)


def outputs_of(detector: BaseModel, data: dict[str, Any]) -> Any:
    """What the head returns as in training, of heads that filter in eval mode."""
    head = getattr(detector, 'bbox_head', None) or detector.mask_head
    mode, head.training = head.training, True
    with torch.no_grad():
        found = head(detector.extract_feat(inputs_of(detector, data)))
    head.training = mode
    return found


def inputs_of(detector: BaseModel, data: dict[str, Any]) -> Tensor:
    return detector.data_preprocessor(deepcopy(data), True)['inputs']


def flat(maps: list[Tensor], width: int) -> Tensor:
    """(N, P, width) in the order level, y, x, anchor."""
    return torch.cat(
        [level.permute(0, 2, 3, 1).reshape(len(level), -1, width) for level in maps], 1
    )


def sigmoid(outs: Any) -> tuple[Tensor, Tensor]:
    logits = flat(outs[0], 10)
    return logits, logits.sigmoid().amax(2)


def with_quality(outs: Any) -> tuple[Tensor, Tensor]:
    logits, scores = sigmoid(outs)
    return logits, scores * flat(outs[2], 1)[..., 0].sigmoid()


def softmax(outs: Any) -> tuple[Tensor, Tensor]:
    logits = flat(outs[0], 11)
    return logits, logits.softmax(2)[..., :10].amax(2)


def probabilities(outs: Any) -> tuple[Tensor, Tensor]:
    found = flat(outs[0], 10)
    return found.double().logit().float(), found.amax(2)


def corners(outs: Any) -> tuple[Tensor, Tensor]:
    return sigmoid([[outs[0][-1], outs[1][-1]]])


def guided(outs: Any) -> tuple[Tensor, Tensor]:
    logits, scores = sigmoid(outs)
    return logits, scores * (flat(outs[3], 1)[..., 0].sigmoid() >= 0.01)


def bucketed(outs: Any) -> tuple[Tensor, Tensor]:
    """The mean over four sides of the best bucket, with the second if beside it."""
    logits, scores = sigmoid(outs)
    sides = flat([level for level, _ in outs[1]], 28).unflatten(2, (4, 7)).softmax(3)
    (best, second), (at, beside) = (one.unbind(3) for one in sides.topk(2, dim=3))
    return logits, scores * (best + second * ((at - beside).abs() == 1)).mean(2)


def yolov3(outs: Any) -> tuple[Tensor, Tensor]:
    found = flat(outs[0], 15)
    scores = found[..., 5:].sigmoid().amax(2) * found[..., 4].sigmoid()
    return found[..., 5:], scores


READ: dict[str, Callable[[Any], tuple[Tensor, Tensor]]] = {
    **dict.fromkeys(ZOO, sigmoid),
    **dict.fromkeys(
        ('AutoAssign', 'BoxInst', 'CondInst', 'DDOD', 'LAD', 'PAA'), with_quality
    ),
    **dict.fromkeys(('SSD', 'YOLACT'), softmax),
    **dict.fromkeys(('CenterNet', 'TOOD'), probabilities),
    **dict.fromkeys(('CentripetalNet', 'CornerNet'), corners),
    **dict.fromkeys(('SOLO', 'SOLOv2'), lambda outs: sigmoid([outs[1]])),
    **dict.fromkeys(
        ('DecoupledSOLO', 'DecoupledSOLOLight'), lambda outs: sigmoid([outs[2]])
    ),
    'GARetinaNet': guided,
    'SABL RetinaNet': bucketed,
    'YOLOv3': yolov3,
}


@EACH
def test_rows_are_the_places_that_the_teacher_is_surest_of(kind: str) -> None:
    student, teacher, data = zoo(kind), zoo(kind, seed=1), batch(kind)
    assert find_adapter(student) is OneStageAdapter
    given = pair(student, teacher, deepcopy(data), part(topk=TOPK), 'image_index')
    assert given['image_index'].tolist() == [0] * TOPK + [1] * TOPK
    expected, _ = READ[kind](outputs_of(student, data))
    others, scores = READ[kind](outputs_of(teacher, data))
    for image, (of_student, of_teacher) in enumerate(
        zip(given['student'].split(TOPK), given['teacher'].split(TOPK), strict=True)
    ):
        best = scores[image].topk(TOPK).indices
        assert len(of_teacher.unique(dim=0)) == TOPK
        assert_allclose(of_teacher, others[image][best], rtol=1e-4, atol=1e-4)
        assert_allclose(of_student, expected[image][best], rtol=1e-4, atol=1e-4)
    assert given['student'].requires_grad and not given['teacher'].requires_grad


def test_guided_anchors_are_compared_where_the_teacher_makes_some() -> None:
    """Here at a tenth of the positions."""
    student, teacher, data = zoo('GARetinaNet'), zoo('GARetinaNet', 1), batch('')
    location = flat(outputs_of(teacher, data)[3], 1)
    teacher.bbox_head.conv_loc.bias.data += -4.59 - location.quantile(0.9)
    given = pair(student, teacher, deepcopy(data), part(topk=5))
    outs = outputs_of(teacher, data)
    logits, scores = guided(outs)
    best = scores.topk(5).indices
    assert (best != logits.amax(2).topk(5).indices).any()
    assert (flat(outs[3], 1)[..., 0].sigmoid().gather(1, best) >= 0.01).all()
    for image in range(2):
        rows = given['teacher'][5 * image : 5 * image + 5]
        assert_allclose(rows, logits[image][best[image]], rtol=1e-4, atol=1e-4)


# Masks rescore SOLO's boxes, and corners are only scored as pairs. The others cannot
# predict here: guided anchoring lacks an operator for the CPU, SSD a `loss_cls`.
UNRANKED = {'CentripetalNet', 'CornerNet', 'GARetinaNet', 'SSD'}
RANKED = [kind for kind in ZOO if 'SOLO' not in kind and kind not in UNRANKED]


@pytest.mark.parametrize('kind', RANKED)
def test_confidence_is_the_score_of_the_best_box(kind: str) -> None:
    detector, data = zoo(kind), batch(kind)
    detector.eval()
    given = pair(zoo(kind, seed=1), detector, deepcopy(data), part(topk=1))
    config = deepcopy(detector.bbox_head.test_cfg)
    config.update(score_thr=0.0, conf_thr=-1, min_bbox_size=-1)
    detector.bbox_head.test_cfg = config
    best = [one.scores.max() for one in predictions(detector, data)]
    if kind in ('LAD', 'PAA'):
        best = [score**2 for score in best]  # the root of class times IoU
    logits, scores = READ[kind](outputs_of(detector, data))
    for image, score in enumerate(best):
        place = scores[image].argmax()
        assert_allclose(scores[image][place], score, rtol=1e-4, atol=1e-5)
        assert_allclose(given['teacher'][image], logits[image][place])


def predictions(detector: BaseModel, data: dict[str, Any]) -> list[Any]:
    """One image at a time, as guided anchoring wants it."""
    made = detector.data_preprocessor(deepcopy(data), True)
    found = []
    for image, sample in zip(made['inputs'], made['data_samples'], strict=True):
        sample.set_metainfo(dict(border=(0, 160, 0, 160)))
        with torch.no_grad():
            maps = detector.extract_feat(image[None])
            results = detector.bbox_head.predict(maps, [sample], rescale=False)
        found += results[0] if isinstance(results, tuple) else results
    return found


def noted_labels(detector: BaseModel) -> list[tuple[Tensor, Tensor]]:
    """Logits (K, C) and labels (K,) of each call of the class loss."""
    head = getattr(detector, 'bbox_head', None) or detector.mask_head
    found: list[tuple[Tensor, Tensor]] = []

    def note(loss: Any, args: Any) -> None:
        pred, target, *_ = (one[0] if isinstance(one, tuple) else one for one in args)
        if pred.ndim == 4:  # a heat map
            pred, target = flat([pred], 10), flat([target], 10) == 1
        pred = pred.detach().reshape(-1, pred.shape[-1])
        if target.ndim > 1:
            target = target.reshape(-1, 10).float()
            target = torch.where(target.amax(1) > 0, target.argmax(1), 10)
        found.append((pred, target))

    names = ('loss_cls', 'initial_loss_cls', 'loss_center_heatmap', 'loss_heatmap')
    for name in names:
        if hasattr(head, name):
            getattr(head, name).register_forward_pre_hook(note)
    return found


@pytest.mark.parametrize(
    ('kind', 'num_items'),
    [
        *((kind, [3, 2]) for kind in TOLD),
        *((kind, [0, 0]) for kind in ('CornerNet', 'PAA', 'PISA RetinaNet', 'YOLOv3')),
    ],
)
def test_targets_are_what_the_class_loss_was_told(
    kind: str, num_items: list[int]
) -> None:
    student = zoo(kind)
    calls = noted_labels(student)
    on = part(rows='assigned', topk=10_000)
    given = pair(student, zoo(kind, seed=1), batch(kind, num_items), on, 'target')
    if kind in ('LAD', 'PAA', 'PISA RetinaNet'):
        calls = calls[-1:]
    elif READ[kind] is corners:
        calls = calls[-2:]
    logits, labels = (torch.cat([call[number] for call in calls]) for number in (0, 1))
    is_object = (labels >= 0) & (labels < 10)
    assert is_object.any() == (sum(num_items) > 0)
    rows = given['student'].detach()
    if READ[kind] in (probabilities, corners):
        rows = rows.sigmoid()
    assert len(rows) == is_object.sum()
    found = sorted(
        (int(label), row.tolist())
        for row, label in zip(rows, given['target'], strict=True)
    )
    expected = sorted(
        (int(label), row.tolist())
        for row, label in zip(logits[is_object], labels[is_object], strict=True)
    )
    for (label, row), (known, values) in zip(found, expected, strict=True):
        assert label == known
        assert row == pytest.approx(values, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize('kind', [kind for kind in ZOO if kind not in TOLD])
def test_a_head_that_tells_no_loss_its_labels_is_named(kind: str) -> None:
    student = zoo(kind)
    name = type(student.bbox_head).__name__
    for rows in ('assigned', 'both'):
        with pytest.raises(ValueError, match=f"{name} tells no.*take rows='confident'"):
            pair(student, student, batch(kind), part(rows=rows))
    with pytest.raises(ValueError, match=f"'target'.*{name} tells no loss"):
        pair(student, student, batch(kind), part(), 'target')


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
            (place,) = (
                (logits.flatten(0, 1) - values).abs().amax(1).topk(1, 0, False)[1]
            )
            assert_allclose(row[:1], objectness.flatten(0, 1)[place], 1e-4, 1e-5)
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
