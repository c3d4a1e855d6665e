"""A teacher with the student's weights must give the student's rows."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmengine.testing import assert_allclose

from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import ModelTeacher, Speed

from ..detectors import build
from ..pairs import pair

PARTS = (
    'roi_logits',
    'embedding',
    'module:backbone.layer2',
    'module:neck.fpn_convs.0',
    'module:roi_head.bbox_head.fc_cls',
)


class Detector:
    """A student in eval mode, its twin as teacher, and the pairs of one step."""

    def __init__(self, student: BaseModel, with_mask: bool = False) -> None:
        self.student = student.eval()
        self.teacher = deepcopy(student).requires_grad_(False)
        self.with_mask = with_mask

    def step(
        self, on: tuple[Any, ...] = PARTS, num_items: list[int] | None = None
    ) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, Any]]:
        """What the losses get of a batch, and the losses of a step on it."""
        losses = {
            'module:backbone.layer2': 'ATLoss',
            'module:neck.fpn_convs.0': 'ATLoss',
        }
        distill = {
            f'part{i}': dict(on=part, loss=dict(type=losses.get(part, 'KDLoss')))
            for i, part in enumerate(on)
        }
        distill['dkd'] = dict(on='roi_logits', loss=dict(type='DKDLoss'))
        distiller = Distiller(
            self.student, [ModelTeacher(self.teacher)], build_terms(distill)
        )
        batch = demo_mm_inputs(
            2,
            [[3, 64, 96], [3, 96, 64]],
            num_items=num_items or [3, 2],
            num_classes=10,
            with_mask=self.with_mask,
        )
        pairs = {
            name: pair.arguments() for name, pair in distiller.pairs(batch).items()
        }
        data = self.student.data_preprocessor(batch, True)
        with distiller.attached():
            return pairs, self.student(**data, mode='loss')


@pytest.fixture(scope='module')
def detector(
    detector_config: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory
) -> Detector:
    model = detector_config(tmp_path_factory.mktemp('unused')).model
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        student = MODELS.build(model)
    student.init_weights()
    return Detector(student)


def test_a_twin_gives_the_same_rows_for_every_part(detector: Detector) -> None:
    pairs, losses = detector.step()
    assert set(pairs) == {'part0', 'part1', 'part2', 'part3', 'part4', 'dkd'}
    for name, given in pairs.items():
        assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-5)
        assert losses[f'loss_{name}'].item() == pytest.approx(0, abs=1e-5)
    assert len(pairs['part0']['student']) > 2
    assert pairs['part0']['student'].shape[1] == 11
    assert pairs['part1']['student'].shape == (len(pairs['part0']['student']), 64)


def test_the_student_side_has_a_gradient_and_the_teacher_side_none(
    detector: Detector,
) -> None:
    pairs, _ = detector.step()
    for given in pairs.values():
        assert given['student'].requires_grad
        assert not given['teacher'].requires_grad


def test_the_target_is_the_class_that_the_student_assigned(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = detector.student.roi_head.bbox_head
    get_targets, assigned = head.get_targets, []

    def spy(*args: Any, **kwargs: Any) -> Any:
        targets = get_targets(*args, **kwargs)
        assigned.append(targets[0])
        return targets

    monkeypatch.setattr(head, 'get_targets', spy)
    pairs, _ = detector.step()
    assert torch.equal(pairs['dkd']['target'], assigned[0])
    assert (assigned[0] < 10).any() and (assigned[0] == 10).any()


def test_a_loss_that_asks_gets_the_box_and_the_image_of_each_row(
    detector: Detector,
) -> None:
    asked: dict[str, torch.Tensor] = {}

    class Asks(torch.nn.Module):
        def forward(
            self,
            student: torch.Tensor,
            teacher: torch.Tensor,
            rois: torch.Tensor,
            image_index: torch.Tensor,
        ) -> torch.Tensor:
            asked.update(rois=rois, image_index=image_index)
            return student.sum() * 0.0

    student = deepcopy(detector.student)
    received: list[torch.Tensor] = []
    student.roi_head.bbox_roi_extractor.register_forward_pre_hook(
        lambda _, args: received.append(args[1])
    )
    LOSSES.register_module(name='Asks', module=Asks)
    try:
        terms = build_terms(dict(term=dict(on='roi_logits', loss=dict(type='Asks'))))
    finally:
        LOSSES.module_dict.pop('Asks')
    distiller = Distiller(student, [ModelTeacher(detector.teacher)], terms)
    data = student.data_preprocessor(demo_mm_inputs(2, [[3, 64, 96]] * 2), True)
    distiller.attach()
    student(**data, mode='loss')
    distiller.detach()
    assert asked['rois'] is received[0]
    assert asked['image_index'].dtype == torch.long
    assert asked['image_index'].tolist() == received[0][:, 0].tolist()
    assert set(asked['image_index'].tolist()) == {0, 1}


def test_a_row_of_the_teacher_is_the_same_roi(detector: Detector) -> None:
    """Other weights, so that equal rows cannot come from the student's tensors."""
    copied = Detector(deepcopy(detector.student))
    for parameter in copied.teacher.parameters():
        parameter.mul_(1.1)
    received: dict[str, torch.Tensor] = {}
    for role, model in (('student', copied.student), ('teacher', copied.teacher)):
        model.roi_head.bbox_roi_extractor.register_forward_pre_hook(
            lambda _, args, role=role: received.update({role: args[1]})
        )
    pairs, _ = copied.step()
    assert torch.equal(received['student'], received['teacher'])
    assert not torch.allclose(pairs['part0']['student'], pairs['part0']['teacher'])


@pytest.mark.parametrize('num_rois', [0, 1])
def test_a_batch_with_no_or_one_roi_trains_on(
    detector: Detector, num_rois: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No proposal survives, and no or one ground-truth box joins them."""
    monkeypatch.setitem(
        detector.student.train_cfg.rpn_proposal, 'min_bbox_size', 10_000
    )
    pairs, losses = detector.step(('roi_logits',), num_items=[num_rois, 0])
    assert pairs['part0']['student'].shape == (num_rois, 11)
    total, _ = detector.student.parse_losses(losses)
    total.backward()
    assert torch.isfinite(total)


def test_a_module_that_runs_on_every_level_is_refused(detector: Detector) -> None:
    with pytest.raises(ValueError, match="'rpn_head.rpn_cls' ran 5 times in one step"):
        detector.step(('module:rpn_head.rpn_cls',))


def test_a_module_that_returns_several_tensors_is_refused(detector: Detector) -> None:
    with pytest.raises(ValueError, match="'neck' returns a tuple, .* needs one tensor"):
        detector.step(('module:neck',))


def test_a_module_whose_output_is_overwritten_is_refused(detector: Detector) -> None:
    with pytest.raises(ValueError, match=r"shared_fcs.1' was overwritten .*inplace"):
        detector.step(('module:roi_head.bbox_head.shared_fcs.1',))


def test_a_term_on_the_neck_runs_no_head_of_the_teacher(detector: Detector) -> None:
    calls: list[str] = []
    teacher = deepcopy(detector.teacher)
    for name in ('rpn_head', 'roi_head.bbox_head'):
        teacher.get_submodule(name).register_forward_hook(
            lambda *_, name=name: calls.append(name)
        )
    terms = build_terms(
        dict(kd=dict(on='module:neck.fpn_convs.0', loss=dict(type='KDLoss')))
    )
    distiller = Distiller(detector.student, [ModelTeacher(teacher)], terms)
    distiller.pairs(demo_mm_inputs(1, [[3, 64, 64]], num_classes=10))
    assert calls == []


@pytest.fixture(scope='module', params=[False, True], ids=['own', 'shared'])
def masks(request: pytest.FixtureRequest) -> Detector:
    """A Mask R-CNN whose mask head has a RoI extractor of its own or shares one."""
    cfg = get_config('mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py').model
    cfg.backbone.update(depth=18, base_channels=8, stem_channels=8, init_cfg=None)
    cfg.neck.update(in_channels=[8, 16, 32, 64], out_channels=32)
    cfg.rpn_head.update(in_channels=32, feat_channels=32)
    roi_head = cfg.roi_head
    roi_head.bbox_roi_extractor.out_channels = 32
    roi_head.bbox_head.update(in_channels=32, fc_out_channels=32, num_classes=10)
    roi_head.mask_head.update(in_channels=32, conv_out_channels=32, num_classes=10)
    roi_head.mask_roi_extractor.out_channels = 32
    cfg.train_cfg.rcnn.update(mask_size=14)
    roi_head.mask_head.upsample_cfg = dict(type=None)
    if request.param:
        roi_head.mask_roi_extractor = None
        roi_head.bbox_roi_extractor.roi_layer.output_size = 14
        roi_head.bbox_head.roi_feat_size = 14
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        student = MODELS.build(cfg)
    student.init_weights()
    return Detector(student, with_mask=True)


def test_a_mask_head_beside_does_not_disturb(masks: Detector) -> None:
    pairs, losses = masks.step(('roi_logits',))
    assert 'loss_mask' in losses
    assert_allclose(
        pairs['part0']['student'], pairs['part0']['teacher'], rtol=1e-4, atol=1e-5
    )


def test_rows_of_masks_are_the_same_objects(masks: Detector) -> None:
    """The student's are what its own mask loss is computed from."""
    loss_arguments: list[torch.Tensor] = []
    handle = masks.student.roi_head.mask_head.loss_mask.register_forward_pre_hook(
        lambda _, args: loss_arguments.extend(args)
    )
    batch = demo_mm_inputs(
        2, [[3, 64, 96], [3, 96, 64]], num_items=[3, 2], num_classes=10, with_mask=True
    )
    teacher = deepcopy(masks.teacher)
    given = pair(masks.student, teacher, batch, 'mask_logits', 'target', 'rois')
    handle.remove()
    logits, _, labels = loss_arguments
    expected = logits[range(len(labels)), labels].flatten(1)
    assert len(labels) > 1
    assert torch.equal(given['student'], expected)
    assert torch.equal(given['target'], labels)
    assert given['rois'].shape == (len(labels), 5)
    assert given['student'].shape == (len(labels), 14 * 14)
    assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-5)
    assert given['student'].requires_grad and not given['teacher'].requires_grad


@pytest.mark.parametrize('on', ['roi_logits', 'mask_logits'])
def test_a_channels_last_teacher_gives_the_same_rows(masks: Detector, on: str) -> None:
    """mmcv's RoIAlign takes the memory of its features for NCHW, whatever it is."""
    batch = demo_mm_inputs(
        2, [[3, 64, 96]] * 2, num_items=[3, 2], num_classes=10, with_mask=True
    )
    teacher = deepcopy(masks.teacher).to(memory_format=torch.channels_last)
    images = torch.rand(1, 3, 64, 96)
    assert not teacher.extract_feat(images)[0].is_contiguous(), 'the test needs NHWC'
    given = pair(masks.student, teacher, batch, on)
    assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-4)


def test_a_float16_teacher_sees_the_rois_where_they_are(detector: Detector) -> None:
    """With float16 maps mmdet rounds RoIs to float16, here by up to half a pixel."""
    batch = demo_mm_inputs(1, [[3, 64, 1344]], num_items=[3], num_classes=10)
    speed = Speed(dtype='float16')
    given = pair(detector.student, detector.teacher, batch, 'roi_logits', speed=speed)
    student, teacher = given['student'], given['teacher']
    change = (student - teacher).abs().max() / student.abs().max()
    assert 0 < change < 2e-3


def test_images_without_objects_have_no_rows_of_masks(masks: Detector) -> None:
    batch = demo_mm_inputs(
        1, [[3, 64, 64]], num_items=[0], num_classes=10, with_mask=True
    )
    given = pair(masks.student, masks.teacher, batch, 'mask_logits', 'target')
    assert given['student'].shape == given['teacher'].shape == (0, 14 * 14)


def test_a_detector_without_masks_has_no_rows_of_them(detector: Detector) -> None:
    batch = demo_mm_inputs(1, [[3, 64, 64]], num_classes=10)
    with pytest.raises(ValueError, match="on='mask_logits' cannot be compared"):
        pair(detector.student, detector.teacher, batch, 'mask_logits')


def test_all_rois_are_compared_unless_background_is_limited(
    detector: Detector,
) -> None:
    names = ('target', 'image_index', 'rois')
    batch = demo_mm_inputs(2, [[3, 64, 96], [3, 96, 64]], num_items=[3, 2])
    for sample in batch['data_samples']:
        sample.gt_instances.labels %= 10

    def rows(on: Any, ratio: float | None) -> dict[str, Any]:
        torch.manual_seed(0)  # the sampler draws
        option = dict(part=on, background_ratio=ratio)
        return pair(detector.student, detector.teacher, deepcopy(batch), option, *names)

    for on in ('roi_logits', 'embedding'):
        every, some = rows(on, None), rows(on, 1.5)
        is_object = every['target'] < 10
        number = int(is_object.sum())
        assert 0 < 1.5 * number < len(is_object) - number
        assert (some['target'] < 10).sum() == number
        assert (some['target'] == 10).sum() == int(1.5 * number)
        assert set(some['image_index'][some['target'] == 10].tolist()) == {0, 1}
        positions = [
            (every['rois'] == roi).all(1).nonzero()[0].item() for roi in some['rois']
        ]
        assert positions == sorted(positions)
        for name, value in some.items():
            assert torch.equal(value, every[name][positions]), name
        objects = rows(on, 0.0)
        for name, value in objects.items():
            assert torch.equal(value, every[name][is_object]), name
        assert torch.equal(rows(on, 1000.0)['student'], every['student'])


def test_images_without_objects_have_no_rows_if_background_is_limited(
    detector: Detector,
) -> None:
    batch = demo_mm_inputs(1, [[3, 64, 64]], num_items=[0], num_classes=10)
    on = dict(part='roi_logits', background_ratio=3.0)
    given = pair(detector.student, detector.teacher, batch, on, 'target')
    assert given['student'].shape == given['teacher'].shape == (0, 11)
    assert given['target'].shape == (0,)


@pytest.mark.parametrize('ratio', [-1.0, 'all', float('nan'), True])
def test_a_ratio_that_is_none_is_refused(detector: Detector, ratio: Any) -> None:
    batch = demo_mm_inputs(1, [[3, 64, 64]], num_classes=10)
    on = dict(part='roi_logits', background_ratio=ratio)
    with pytest.raises(ValueError, match="'roi_logits': background_ratio must be a"):
        pair(detector.student, detector.teacher, batch, on)


@pytest.mark.parametrize(
    ('on', 'message'),
    [
        (dict(part='neck', topk=3), "part 'neck' has no option 'topk'; "),
        (dict(part='roi_logit'), "unknown on=.*did you mean 'roi_logits'"),
        (dict(topk=3), 'unknown on='),
        (dict(part=3), 'unknown on='),
    ],
)
def test_an_option_or_a_part_that_does_not_exist_is_refused(
    detector: Detector, on: Any, message: str
) -> None:
    batch = demo_mm_inputs(1, [[3, 64, 64]], num_classes=10)
    with pytest.raises(ValueError, match=message):
        pair(detector.student, detector.teacher, batch, on)


def test_a_teacher_of_another_family_is_told_what_can_be_compared(
    detector: Detector,
) -> None:
    retinanet = build('retinanet/retinanet_r18_fpn_1x_coco')
    batch = demo_mm_inputs(1, [[3, 64, 64]], num_classes=10)
    message = (
        'is a FasterRCNN and the teacher a RetinaNet, whose rows cannot be aligned'
    )
    with pytest.raises(ValueError, match=f"{message}.*on='backbone' or on='neck'"):
        pair(detector.student, retinanet, batch, 'roi_logits')
    given = pair(detector.student, retinanet, batch, 'backbone')
    assert len(given['student']) == len(given['teacher']) == 4
