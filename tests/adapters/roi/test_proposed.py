"""RoIs of an RPN: both heads see the same ones, and a stock run does not notice."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.structures.bbox import bbox2roi
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose
from torch import Tensor, nn

from ckd_mm.adapters.roi.proposed import without_traces
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.teachers import ModelTeacher

from ..detectors import cascade_rcnn, faster_rcnn, mask_rcnn
from ..pairs import pair

SOURCES = pytest.mark.parametrize('rois', ['proposals', 'teacher'])
PARTS = pytest.mark.parametrize('name', ['roi_logits', 'embedding'])


@pytest.fixture
def student() -> BaseModel:
    return faster_rcnn()


@pytest.fixture(scope='module')
def teacher() -> BaseModel:
    return faster_rcnn(seed=1).requires_grad_(False)


def batch() -> dict[str, Any]:
    return demo_mm_inputs(
        2, [[3, 64, 96], [3, 96, 64]], num_items=[3, 2], num_classes=10
    )


def part(rois: str, name: str = 'roi_logits', **options: Any) -> dict[str, Any]:
    return dict(part=name, rois=rois, **options)


def by_hand(model: BaseModel, data: dict[str, Any], rois: Tensor) -> dict[str, Tensor]:
    """What the head of a model makes of RoIs."""
    received: list[Tensor] = []
    head = model.roi_head.bbox_head.fc_cls
    handle = head.register_forward_pre_hook(lambda _, args: received.append(args[0]))
    images = model.data_preprocessor(deepcopy(data), False)['inputs']
    with torch.no_grad():
        logits = model.roi_head._bbox_forward(model.extract_feat(images), rois)
    handle.remove()
    return {'roi_logits': logits['cls_score'], 'embedding': received[0]}


@SOURCES
@PARTS
def test_both_heads_see_the_same_boxes(
    student: BaseModel, teacher: BaseModel, rois: str, name: str
) -> None:
    data = batch()
    on = part(rois, name, num_rois=20)
    given = pair(student, teacher, deepcopy(data), on, 'rois', 'image_index')
    assert given['rois'].shape == (40, 5)
    assert given['image_index'].tolist() == [0] * 20 + [1] * 20
    for role, model in (('student', student), ('teacher', teacher)):
        expected = by_hand(model, data, given['rois'])[name]
        assert_allclose(given[role], expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(given['student'], given['teacher'])


def test_proposals_are_those_that_the_students_sampler_gets(
    student: BaseModel, teacher: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposals: list[Tensor] = []
    loss = student.roi_head.loss

    def spy(features: Any, results: list[Any], samples: Any) -> Any:
        proposals.extend(result.bboxes for result in results)
        return loss(features, results, samples)

    monkeypatch.setattr(student.roi_head, 'loss', spy)
    given = pair(student, teacher, batch(), part('proposals'), 'rois')
    assert torch.equal(given['rois'], bbox2roi(proposals))
    assert max(map(len, proposals)) == 50, 'all of them, fewer than 512'


def test_those_of_the_teacher_are_what_it_tests_with(
    student: BaseModel, teacher: BaseModel
) -> None:
    data = batch()
    given = pair(student, teacher, deepcopy(data), part('teacher', num_rois=30), 'rois')
    inputs = teacher.data_preprocessor(data, False)
    with torch.no_grad():
        found = teacher.rpn_head.predict(
            teacher.extract_feat(inputs['inputs']), inputs['data_samples']
        )
    assert_allclose(given['rois'], bbox2roi([image.bboxes[:30] for image in found]))


@SOURCES
def test_the_gradient_reaches_head_and_backbone_of_the_student_alone(
    student: BaseModel, teacher: BaseModel, rois: str
) -> None:
    given = pair(student, teacher, batch(), part(rois))
    assert not given['teacher'].requires_grad
    given['student'].square().sum().backward()
    for module in (student.roi_head.bbox_head.fc_cls, student.backbone.conv1):
        assert module.weight.grad.abs().sum() > 0
    assert student.rpn_head.rpn_cls.weight.grad is None


def distilled(
    student: BaseModel,
    teachers: list[BaseModel],
    distill: dict[str, Any],
    data: dict[str, Any],
) -> dict[str, Tensor]:
    """The losses of one step; the sampler draws as with seed 0."""
    terms = build_terms(distill, len(teachers))
    distiller = Distiller(student, [ModelTeacher(one) for one in teachers], terms)
    torch.manual_seed(0)
    inputs = student.data_preprocessor(deepcopy(data), True)
    distiller.attach()
    try:
        return student(**inputs, mode='loss')
    finally:
        distiller.detach()


def term(on: Any, **loss: Any) -> dict[str, Any]:
    return dict(on=on, loss=dict(type='KDLoss', **loss))


def test_terms_of_all_kinds_do_not_disturb_each_other(
    student: BaseModel, teacher: BaseModel
) -> None:
    data = batch()
    distill = dict(
        sampled=term('roi_logits'),
        module=term('module:roi_head.bbox_head.fc_cls'),
        rpn=term('rpn_logits'),
        few=term(part('proposals', num_rois=5)),
        many=term(part('proposals')),
        other=term(part('teacher', 'embedding')),
    )
    together = distilled(student, [teacher], distill, data)
    for name, one in distill.items():
        alone = distilled(student, [teacher], {name: one}, data)
        assert together[f'loss_{name}'] == alone[f'loss_{name}'], name
    assert together['loss_few'] != together['loss_many']


def noisy_head(student: BaseModel) -> BaseModel:
    """In training, with normalisation by the batch and dropout in its head."""
    head = student.roi_head.bbox_head
    width = head.shared_fcs[0].out_features
    head.shared_fcs[1] = nn.Sequential(
        head.shared_fcs[1], nn.BatchNorm1d(width), nn.Dropout(0.5)
    )
    return student.train()


@SOURCES
@pytest.mark.parametrize('change', [noisy_head, BaseModel.eval], ids=['noisy', 'stock'])
def test_a_weight_of_zero_leaves_all_of_a_stock_step(
    student: BaseModel,
    teacher: BaseModel,
    rois: str,
    change: Callable[[BaseModel], BaseModel],
) -> None:
    stock = change(student)
    monitored, data = deepcopy(stock), batch()
    torch.manual_seed(0)
    expected = stock(**stock.data_preprocessor(deepcopy(data), True), mode='loss')
    random = torch.rand(3)
    ckd = dict(on=part(rois), loss=dict(type='CKDLoss', loss_weight=0))
    losses = distilled(monitored, [teacher], dict(ckd=ckd), data)
    assert torch.equal(torch.rand(3), random)
    for name, value in stock.parse_losses(expected)[1].items():
        if name != 'loss':
            assert monitored.parse_losses(losses)[1][name] == value, name
    for model, one in ((stock, expected), (monitored, losses)):
        model.parse_losses(one)[0].backward()
    for (name, before), after in zip(
        stock.named_parameters(), monitored.parameters(), strict=True
    ):
        assert (before.grad is None) == (after.grad is None), name
        assert before.grad is None or torch.equal(before.grad, after.grad), name
    for (name, before), after in zip(
        stock.named_buffers(), monitored.buffers(), strict=True
    ):
        assert torch.equal(before, after), name


def test_statistics_that_a_module_in_eval_mode_normalises_by_stay_in_use() -> None:
    norm = nn.InstanceNorm1d(3, track_running_stats=True)
    norm(torch.rand(2, 3, 5))
    maps = torch.rand(2, 3, 5)
    expected = norm.eval()(maps)
    with without_traces(norm, maps.device):
        assert torch.equal(norm(maps), expected)


@SOURCES
def test_a_batch_without_proposals_trains_on(
    student: BaseModel, teacher: BaseModel, rois: str
) -> None:
    no_proposals = deepcopy(teacher)
    student.train_cfg.rpn_proposal.min_bbox_size = 10_000
    no_proposals.rpn_head.test_cfg.min_bbox_size = 10_000
    data = batch()
    given = pair(
        student, no_proposals, deepcopy(data), part(rois), 'rois', 'image_index'
    )
    assert given['student'].shape == given['teacher'].shape == (0, 11)
    assert given['rois'].shape == (0, 5) and given['image_index'].shape == (0,)
    losses = distilled(student, [no_proposals], dict(kd=term(part(rois))), data)
    assert losses['loss_kd'] == 0
    student.parse_losses(losses)[0].backward()


@pytest.mark.parametrize(
    ('stage', 'mean'), [(None, [2]), (0, [0]), ('average', [0, 1, 2])]
)
def test_a_cascade_sees_them_in_the_chosen_stages(
    student: BaseModel, stage: int | str | None, mean: list[int]
) -> None:
    cascade, data = cascade_rcnn(seed=1), batch()
    on = part('teacher', teacher_stage=stage)
    given = pair(student, cascade, deepcopy(data), on, 'rois')
    images = cascade.data_preprocessor(data, False)['inputs']
    with torch.no_grad():
        features = cascade.extract_feat(images)
        scores = [
            cascade.roi_head._bbox_forward(one, features, given['rois'])['cls_score']
            for one in mean
        ]
    expected = torch.stack(scores).mean(0)
    assert_allclose(given['teacher'], expected, rtol=1e-4, atol=1e-5)


def test_a_mask_head_beside_does_not_disturb(teacher: BaseModel) -> None:
    data = demo_mm_inputs(
        2, [[3, 64, 96]] * 2, num_items=[3, 2], num_classes=10, with_mask=True
    )
    masks = mask_rcnn()
    given = pair(masks, teacher, deepcopy(data), part('proposals'), 'rois')
    expected = by_hand(masks, data, given['rois'])['roi_logits']
    assert_allclose(given['student'], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ('on', 'message'),
    [
        (part('all'), "rois must be one of 'sampled', 'proposals', 'teacher', got"),
        (part('proposals', num_rois=0), 'num_rois must be an integer >= 1, got 0'),
        (part('sampled', num_rois=64), "num_rois=64 is for rois='proposals' or 'teac"),
        (
            part('teacher', background_ratio=1.0),
            "background_ratio=1.0 needs classes, and the RoIs of rois='teacher' are",
        ),
    ],
)
def test_options_that_mean_nothing_are_refused(
    student: BaseModel, teacher: BaseModel, on: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=f"on: part 'roi_logits': {message}"):
        pair(student, teacher, batch(), on)


@SOURCES
def test_a_loss_that_needs_classes_is_refused_with_the_reason(
    student: BaseModel, teacher: BaseModel, rois: str
) -> None:
    message = f"needs 'target'.*; the RoIs of rois='{rois}' are not assigned to objects"
    with pytest.raises(ValueError, match=message):
        pair(student, teacher, batch(), part(rois), 'target')


@SOURCES
def test_a_student_with_a_cascade_is_refused(teacher: BaseModel, rois: str) -> None:
    with pytest.raises(ValueError, match=f"rois='{rois}' is not for a student with a"):
        pair(cascade_rcnn(), teacher, batch(), part(rois))


@pytest.mark.parametrize('whose', ['student', 'teacher'])
def test_a_model_without_an_rpn_is_refused(
    student: BaseModel, teacher: BaseModel, whose: str
) -> None:
    models = {'student': student, 'teacher': deepcopy(teacher)}
    del models[whose].rpn_head
    rois = 'proposals' if whose == 'student' else 'teacher'
    with pytest.raises(ValueError, match=f'needs a plain RPN, which the {whose} lacks'):
        pair(models['student'], models['teacher'], batch(), part(rois))


def test_rows_of_two_teachers_are_averaged_only_if_the_student_proposes(
    student: BaseModel, teacher: BaseModel
) -> None:
    teachers, data = [teacher, faster_rcnn(seed=2)], batch()
    with pytest.raises(ValueError, match='compares rows that the teacher chooses'):
        distilled(student, teachers, dict(kd=term(part('teacher'))), data)
    losses = distilled(student, teachers, dict(kd=term(part('proposals'))), data)
    assert losses['loss_kd'] > 0
