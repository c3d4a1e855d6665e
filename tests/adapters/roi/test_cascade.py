"""A cascade as student or teacher: whose RoIs are compared, and what sees them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose

from ..detectors import cascade_rcnn, faster_rcnn, mask_rcnn
from ..pairs import pair

CONTEXT = ('target', 'image_index', 'rois')


@pytest.fixture(scope='module')
def faster() -> BaseModel:
    return faster_rcnn()


@pytest.fixture(scope='module')
def cascade() -> BaseModel:
    return cascade_rcnn(seed=1)


@pytest.fixture(scope='module')
def cascade_masks() -> BaseModel:
    return cascade_rcnn(seed=1, masks=True)


def batch(num_items: list[int] | None = None, masks: bool = False) -> dict[str, Any]:
    return demo_mm_inputs(
        2,
        [[3, 64, 96], [3, 96, 64]],
        num_items=num_items or [3, 2],
        num_classes=10,
        with_mask=masks,
    )


def part(name: str, **options: Any) -> dict[str, Any]:
    return dict(part=name, **options)


def scores(detector: BaseModel, data: dict[str, Any], rois: torch.Tensor) -> Any:
    """What each box head of a cascade makes of RoIs."""
    images = detector.data_preprocessor(deepcopy(data), False)['inputs']
    with torch.no_grad():
        features = detector.extract_feat(images)
        return [
            detector.roi_head._bbox_forward(stage, features, rois)['cls_score']
            for stage in range(3)
        ]


def assigned(detector: BaseModel, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The labels that each stage assigns, once it runs."""
    found: list[Any] = []
    for head in detector.roi_head.bbox_head:
        targets = head.get_targets

        def spy(*args: Any, targets: Any = targets, **kwargs: Any) -> Any:
            result = targets(*args, **kwargs)
            found.append(result[0])
            return result

        monkeypatch.setattr(head, 'get_targets', spy)
    return found


@pytest.mark.parametrize('on', ['roi_logits', 'embedding'])
def test_a_twin_gives_the_same_rows_in_all_stages(cascade: BaseModel, on: str) -> None:
    given = pair(cascade, deepcopy(cascade), batch(), on, *CONTEXT)
    assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-5)
    assert given['student'].requires_grad and not given['teacher'].requires_grad
    (length,) = {len(value) for value in given.values()}
    assert length > 6


def test_the_stages_of_a_student_follow_each_other(
    cascade: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = assigned(cascade, monkeypatch)
    data = batch()
    given = pair(cascade, deepcopy(cascade), deepcopy(data), 'roi_logits', *CONTEXT)
    assert torch.equal(given['target'], torch.cat(labels))
    sizes = [len(of_stage) for of_stage in labels]
    assert len(sizes) == 3
    rois = given['rois'].split(sizes)
    assert not torch.equal(rois[0], rois[1])
    for stage, rows in enumerate(given['student'].split(sizes)):
        expected = scores(cascade, data, rois[stage])[stage]
        assert_allclose(rows, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('stage', [0, 1, 2])
def test_one_stage_of_a_student_can_be_chosen(
    cascade: BaseModel, monkeypatch: pytest.MonkeyPatch, stage: int
) -> None:
    labels, data = assigned(cascade, monkeypatch), batch()
    on = part('roi_logits', student_stage=stage)
    given = pair(cascade, deepcopy(cascade), deepcopy(data), on, *CONTEXT)
    assert torch.equal(given['target'], labels[stage])
    expected = scores(cascade, data, given['rois'])[stage]
    assert_allclose(given['student'], expected, rtol=1e-4, atol=1e-5)
    assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('choice', [None, 'last', 'average', 0, 1])
def test_a_stage_of_the_teacher_sees_the_students_rois(
    faster: BaseModel, cascade: BaseModel, choice: Any
) -> None:
    data = batch()
    on = part('roi_logits', teacher_stage=choice)
    given = pair(faster, cascade, deepcopy(data), on, *CONTEXT)
    stages = scores(cascade, data, given['rois'])
    expected = {
        None: stages[2],
        'last': stages[2],
        'average': sum(stages) / 3,
        0: stages[0],
        1: stages[1],
    }
    assert_allclose(given['teacher'], expected[choice], rtol=1e-4, atol=1e-5)
    not_chosen = [value for key, value in expected.items() if key not in (choice, None)]
    assert sum(torch.allclose(given['teacher'], one) for one in not_chosen) <= 1


def test_a_teacher_with_one_box_head_sees_the_rois_of_all_stages(
    faster: BaseModel, cascade: BaseModel
) -> None:
    data = batch()
    given = pair(cascade, faster, deepcopy(data), 'roi_logits', *CONTEXT)
    images = faster.data_preprocessor(data, False)['inputs']
    with torch.no_grad():
        features = faster.extract_feat(images)
        expected = faster.roi_head._bbox_forward(features, given['rois'])['cls_score']
    assert_allclose(given['teacher'], expected, rtol=1e-4, atol=1e-5)


def test_stages_in_several_terms_do_not_disturb_each_other(cascade: BaseModel) -> None:
    data, teacher = batch(), cascade_rcnn(seed=2)
    parts = [
        part('roi_logits', student_stage=student_stage, teacher_stage=teacher_stage)
        for student_stage in (0, 2)
        for teacher_stage in ('last', 'average', 0)
    ]
    torch.manual_seed(0)  # the sampler draws
    together = pair(cascade, teacher, deepcopy(data), parts)
    for number, on in enumerate(parts):
        torch.manual_seed(0)
        alone = pair(cascade, teacher, deepcopy(data), on)
        assert torch.equal(alone['student'], together['student'][number])
        assert torch.equal(alone['teacher'], together['teacher'][number])


def test_modules_of_stages_can_be_named(cascade: BaseModel) -> None:
    on = dict(
        student='roi_head.bbox_head.1.fc_cls', teacher='roi_head.bbox_head.2.fc_cls'
    )
    data = batch()
    both = [on, part('roi_logits', student_stage=1, teacher_stage=2)]
    given = pair(cascade, deepcopy(cascade), data, both, 'rois')
    for whose in ('student', 'teacher'):
        assert torch.equal(*given[whose])
    expected = scores(cascade, data, given['rois'])
    assert_allclose(given['student'][0], expected[1], rtol=1e-4, atol=1e-5)
    assert_allclose(given['teacher'][0], expected[2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('on', ['roi_logits', part('embedding', student_stage=2)])
def test_a_cascade_without_a_single_roi_has_no_rows(
    cascade: BaseModel, on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops after its first stage then."""
    monkeypatch.setitem(cascade.train_cfg.rpn_proposal, 'min_bbox_size', 10_000)
    given = pair(cascade, deepcopy(cascade), batch([0, 0]), on, *CONTEXT)
    width = 11 if on == 'roi_logits' else 32
    assert given['student'].shape == given['teacher'].shape == (0, width)
    assert given['student'].requires_grad
    assert [len(given[name]) for name in CONTEXT] == [0, 0, 0]


@pytest.mark.parametrize('stage', [None, 1])
def test_rows_of_masks_are_those_of_the_stages(
    cascade_masks: BaseModel, stage: int | None
) -> None:
    loss_calls: list[Any] = []
    student = deepcopy(cascade_masks)
    for head in student.roi_head.mask_head:
        head.loss_mask.register_forward_pre_hook(
            lambda _, args: loss_calls.append(args)
        )
    on = part('mask_logits', student_stage=stage)
    given = pair(student, cascade_masks, batch(masks=True), on, *CONTEXT)
    chosen = loss_calls if stage is None else [loss_calls[stage]]
    rows = [logits[range(len(y)), y].flatten(1) for logits, _, y in chosen]
    assert torch.equal(given['student'], torch.cat(rows))
    assert torch.equal(given['target'], torch.cat([labels for *_, labels in chosen]))
    assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-5)
    assert len(given['rois']) == len(given['image_index']) == len(given['target'])


def test_the_masks_of_a_cascade_teach_a_mask_rcnn(cascade_masks: BaseModel) -> None:
    on = part('mask_logits', teacher_stage='average')
    data = batch(masks=True)
    given = pair(mask_rcnn(), cascade_masks, deepcopy(data), on, *CONTEXT)
    images = cascade_masks.data_preprocessor(data, False)['inputs']
    labels = given['target']
    with torch.no_grad():
        features = cascade_masks.extract_feat(images)
        masks = [
            cascade_masks.roi_head._mask_forward(stage, features, given['rois'])
            for stage in range(3)
        ]
    mean = sum(one['mask_preds'] for one in masks) / 3
    expected = mean[range(len(labels)), labels].flatten(1)
    assert_allclose(given['teacher'], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(student_stage=3), 'a number from 0 to 2, as the student has 3 box heads'),
        (dict(student_stage='last'), "student has 3 box heads, got 'last'"),
        (dict(student_stage=True), 'got True'),
        (dict(teacher_stage=-1), "'last', 'same', 'average' or a number from 0 to 2"),
        (dict(teacher_stage='avrage'), "got 'avrage'"),
        (dict(stage=1), "has no option 'stage'; did you mean"),
    ],
)
def test_a_stage_that_does_not_exist_is_refused(
    cascade: BaseModel, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"part 'roi_logits'.*{message}"):
        pair(cascade, cascade, batch(), part('roi_logits', **options))


def test_the_same_stage_of_a_shorter_teacher_is_refused(
    faster: BaseModel, cascade: BaseModel
) -> None:
    on = part('roi_logits', teacher_stage='same')
    with pytest.raises(ValueError, match='as the teacher has 1 box head, got 1'):
        pair(cascade, faster, batch(), on)
