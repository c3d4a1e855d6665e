"""Two-stage families of the zoo: which parts they have, and that rows are the same.

Each detector is compared with a copy of itself, whose rows must equal its own, and
with another one, whose rows must equal what its RoI head says of the student's RoIs.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.models.roi_heads import StandardRoIHead
from mmdet.structures.bbox import bbox2roi
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ckd_mm.adapters import Unavailable, build_adapter
from ckd_mm.teachers import ModelView

from ..detectors import cascade_rcnn, faster_rcnn, mask_rcnn
from ..pairs import pair, pairs
from .zoo import batch, zoo

MAPS = ('backbone', 'neck')
ROIS = ('roi_logits', 'embedding', 'roi_features')
BOXES = ('roi_boxes',)
MASKS = ('mask_logits',)
RPN = ('rpn_logits', 'rpn_boxes')
SEMANTIC = ('semantic_logits',)

PARTS = {
    'C4': ('backbone', *ROIS, *BOXES, *MASKS, *RPN),
    'CascadeRPN': (*MAPS, *ROIS, *BOXES, 'rpn_logits'),
    'CascadeSABL': (*MAPS, *ROIS, *RPN),
    'CrowdDet': (*MAPS, 'roi_logits', *RPN),
    'CrowdDetRefine': (*MAPS, 'roi_logits', *RPN),
    'DetectoRS': (*MAPS, *ROIS, *BOXES, *MASKS, *RPN, *SEMANTIC),
    'DoubleHead': (*MAPS, *ROIS, *BOXES, *RPN),
    'DynamicRCNN': (*MAPS, *ROIS, *BOXES, *RPN),
    'FCOSRPN': (*MAPS, *ROIS, *BOXES, 'rpn_logits'),
    'FastRCNN': (*MAPS, *ROIS, *BOXES),
    'GARPN': (*MAPS, *ROIS, *BOXES, 'rpn_logits'),
    'GRoIE': (*MAPS, *ROIS, *BOXES, *RPN),
    'GridRCNN': (*MAPS, *ROIS, *RPN),
    'HTC': (*MAPS, *ROIS, *BOXES, *MASKS, *RPN, *SEMANTIC),
    'HTCWithoutSemantic': (*MAPS, *ROIS, *BOXES, *MASKS, *RPN),
    'LibraRCNN': (*MAPS, *ROIS, *BOXES, *RPN),
    'MaskScoring': (*MAPS, *ROIS, *BOXES, *MASKS, *RPN),
    'PISA': (*MAPS, *ROIS, *BOXES, *MASKS, *RPN),
    'PanopticFPN': (*MAPS, *ROIS, *BOXES, *MASKS, *RPN, *SEMANTIC),
    'PointRend': (*MAPS, *ROIS, *BOXES, *MASKS, *RPN),
    'QueryInst': (*MAPS, 'query_logits'),
    'SABL': (*MAPS, *ROIS, *RPN),
    'SCNet': (*MAPS, *ROIS, *BOXES, *MASKS, *RPN, *SEMANTIC),
    'SparseRCNN': (*MAPS, 'query_logits'),
}
CROSSED = ('cross_roi_logits', 'cross_roi_boxes', 'cross_mask_logits')
CONTEXT = {
    **dict.fromkeys((*ROIS, *BOXES, *MASKS), ('target', 'image_index', 'rois')),
    'rpn_logits': ('target', 'image_index'),
    'rpn_boxes': ('image_index', 'box_target'),
    'query_logits': ('image_index',),
}


def levels(value: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (value,) if isinstance(value, Tensor) else value


@pytest.mark.parametrize('kind', PARTS)
def test_a_family_has_its_parts_and_a_twin_gives_the_same(kind: str) -> None:
    student = zoo(kind)
    teacher = deepcopy(student).requires_grad_(False)
    student.train(kind == 'GARPN')  # which takes one image at a time in eval mode
    known = build_adapter(student, teacher).parts()
    there = [name for name, one in known.items() if not isinstance(one, Unavailable)]
    crossed = {f'cross_{name}': name for name in (*ROIS, *BOXES, *MASKS)}
    has_rows = not kind.startswith('CrowdDet')  # its two predictions are not crossed
    of_both = [name for name in CROSSED if crossed[name] in PARTS[kind] and has_rows]
    assert sorted(there) == sorted([*PARTS[kind], *of_both])
    context = {**CONTEXT, **{name: CONTEXT[crossed[name]] for name in of_both}}
    if kind.startswith('CrowdDet'):  # two predictions of a RoI, of unknown objects
        context['roi_logits'] = ('image_index', 'rois')
    terms = {name: (name, context.get(name, ())) for name in there}
    found = pairs(student, teacher, batch(student), terms)
    for name, given in found.items():
        student_levels, teacher_levels = (
            levels(given['student']),
            levels(given['teacher']),
        )
        assert all(one.requires_grad for one in student_levels), name
        assert not any(one.requires_grad for one in teacher_levels), name
        for of_student, of_teacher in zip(student_levels, teacher_levels, strict=True):
            assert of_student.numel(), name
            assert_allclose(of_student, of_teacher, rtol=1e-3, atol=1e-4)
        for asked in context.get(name, ()):
            assert len(given[asked]) == len(student_levels[0]), (name, asked)


@pytest.mark.parametrize('kind', ['CrowdDet', 'CrowdDetRefine'])
def test_two_predictions_of_a_roi_are_compared_in_the_order_that_differs_less(
    kind: str,
) -> None:
    student, teacher = zoo(kind), zoo(kind, seed=1)
    for model in (student, teacher):  # boxes that differ
        for layer in model.roi_head.bbox_head.fc_reg:
            torch.nn.init.normal_(layer.weight, std=0.1)
    outputs: list[Any] = []
    for model in (student, teacher):
        model.roi_head.bbox_head.register_forward_hook(
            lambda _, __, output: outputs.append([one.detach() for one in output[-2:]])
        )
    given = pair(student, teacher, batch(student), 'roi_logits', 'rois')
    (logits, boxes), (logits_t, boxes_t) = (
        (logits.view(-1, 2, 2), deltas.view(-1, 2, 4)) for logits, deltas in outputs
    )
    expected, crossed = [], 0
    for roi in range(len(logits)):

        def cost(order: list[int], roi: int = roi) -> float:
            classes = logits[roi].softmax(1) - logits_t[roi, order].softmax(1)
            edges = boxes[roi] - boxes_t[roi, order]
            return classes.abs().sum().item() + edges.abs().sum().item()

        best = min([0, 1], [1, 0], key=cost)
        crossed += best == [1, 0]
        expected.append(logits_t[roi, best])
    assert 0 < crossed < len(logits)
    assert torch.equal(given['student'], logits.flip(2).flatten(0, 1))
    assert torch.equal(given['teacher'], torch.cat(expected).flip(1))
    assert torch.equal(given['rois'][0::2], given['rois'][1::2])
    assert len(given['rois']) == 2 * len(logits)


class Spy:
    """What some modules of a detector get, by name, in the order of their calls."""

    def __init__(self, detector: BaseModel, *names: str) -> None:
        self.calls: dict[str, list[Any]] = {name: [] for name in names}
        for name in names:
            detector.get_submodule(name).register_forward_pre_hook(
                lambda _, args, name=name: self.calls[name].append(args)
            )


def features(detector: BaseModel, data: dict[str, Any]) -> Any:
    inputs = detector.data_preprocessor(deepcopy(data), False)['inputs']
    with torch.no_grad():
        return detector.extract_feat(inputs)


@pytest.mark.parametrize('kind', ['HTC', 'SCNet', 'DetectoRS'])
def test_every_stage_of_a_teacher_with_a_semantic_map_sees_the_rois(kind: str) -> None:
    student, teacher = faster_rcnn(), zoo(kind, seed=1)
    data = batch(teacher)
    terms = {
        str(stage): (dict(part='roi_logits', teacher_stage=stage), ('rois',))
        for stage in range(3)
    }
    found = pairs(student, teacher, deepcopy(data), terms)
    maps, roi_head = features(teacher, data), teacher.roi_head
    with torch.no_grad():
        beside = {'semantic_feat': roi_head.semantic_head(maps)[1]}
        without = {'semantic_feat': torch.zeros_like(beside['semantic_feat'])}
        if kind == 'SCNet':
            beside['glbctx_feat'] = roi_head.glbctx_head(maps)[1]
        for stage in range(3):
            rois = found[str(stage)]['rois']
            expected, without_maps = (
                roi_head._bbox_forward(stage, maps, rois, **one)['cls_score']
                for one in (beside, without)
            )
            assert_allclose(
                found[str(stage)]['teacher'], expected, rtol=1e-4, atol=1e-5
            )
            assert not torch.allclose(expected, without_maps, atol=1e-4)


def test_the_rows_of_an_htc_student_are_those_of_its_own_losses() -> None:
    """Its masks are of RoIs that it draws again, from boxes that it has refined."""
    student, teacher = zoo('HTC'), zoo('HTC', seed=1)
    inside = [
        f'roi_head.{name}'
        for stage in range(3)
        for name in (
            f'bbox_head.{stage}.loss_cls',
            f'mask_head.{stage}.loss_mask',
            f'mask_roi_extractor.{stage}',
        )
    ]
    spy, data = Spy(student, *inside), batch(student)
    terms = {name: (name, CONTEXT[name]) for name in ('roi_logits', 'mask_logits')}
    found = pairs(student, teacher, deepcopy(data), terms)
    boxes = [spy.calls[f'roi_head.bbox_head.{stage}.loss_cls'][0] for stage in range(3)]
    assert torch.equal(
        found['roi_logits']['student'], torch.cat([a for a, *_ in boxes])
    )
    assert torch.equal(
        found['roi_logits']['target'], torch.cat([labels for _, labels, *_ in boxes])
    )
    masks = [
        spy.calls[f'roi_head.mask_head.{stage}.loss_mask'][0] for stage in range(3)
    ]
    rois = [
        spy.calls[f'roi_head.mask_roi_extractor.{stage}'][0][1] for stage in range(3)
    ]
    given = found['mask_logits']
    rows = [logits[range(len(y)), y].flatten(1) for logits, _, y in masks]
    assert torch.equal(given['student'], torch.cat(rows))
    assert torch.equal(given['target'], torch.cat([labels for *_, labels in masks]))
    assert torch.equal(given['rois'], torch.cat(rois))
    maps, roi_head = features(teacher, data), teacher.roi_head
    with torch.no_grad():
        semantic = roi_head.semantic_head(maps)[1]
        expected = [
            roi_head._mask_forward(stage, maps, rois[stage], semantic)['mask_preds']
            for stage in range(3)
        ]
    rows = [
        logits[range(len(y)), y].flatten(1)
        for logits, (*_, y) in zip(expected, masks, strict=True)
    ]
    assert_allclose(given['teacher'], torch.cat(rows), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('stage', [0, 2])
def test_a_stage_of_an_htc_teacher_gives_its_masks(stage: int) -> None:
    student, teacher = mask_rcnn(), zoo('HTC', seed=1)
    data = batch(teacher)
    on = dict(part='mask_logits', teacher_stage=stage)
    given = pair(student, teacher, deepcopy(data), on, 'target', 'rois')
    maps, roi_head = features(teacher, data), teacher.roi_head
    with torch.no_grad():
        semantic = roi_head.semantic_head(maps)[1]
        masks = roi_head._mask_forward(stage, maps, given['rois'], semantic)
    labels = given['target']
    expected = masks['mask_preds'][range(len(labels)), labels].flatten(1)
    assert_allclose(given['teacher'], expected, rtol=1e-4, atol=1e-5)


def test_an_scnet_teacher_relays_its_last_box_head_to_the_mask() -> None:
    student, teacher = mask_rcnn(), zoo('SCNet', seed=1)
    data = batch(teacher)
    terms = {name: (name, CONTEXT[name]) for name in ('mask_logits', 'roi_logits')}
    given = pairs(student, teacher, deepcopy(data), terms)['mask_logits']
    maps, roi_head = features(teacher, data), teacher.roi_head
    rois, labels = given['rois'], given['target']
    with torch.no_grad():
        beside = {
            'semantic_feat': roi_head.semantic_head(maps)[1],
            'glbctx_feat': roi_head.glbctx_head(maps)[1],
        }
        boxes = roi_head._bbox_forward(2, maps, rois, **beside)
        relayed = roi_head.feat_relay_head(boxes['relayed_feat'])
        masks, not_relayed = (
            roi_head._mask_forward(maps, rois, **beside, relayed_feat=one)['mask_preds']
            for one in (relayed, None)
        )
    expected = masks[range(len(labels)), labels].flatten(1)
    assert_allclose(given['teacher'], expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(masks, not_relayed, atol=1e-4)


@pytest.mark.parametrize('kind', ['CascadeRPN', 'GARPN'])
def test_rows_of_moved_anchors_are_of_one_position(kind: str) -> None:
    """The student in training and the teacher in eval mode see the same positions."""
    student, teacher = zoo(kind).train(), zoo(kind, seed=1)
    data, maps_of = batch(student), []
    for model in (student, deepcopy(teacher).train()):
        outputs: list[Any] = []
        head = model.rpn_head.stages[1] if kind == 'CascadeRPN' else model.rpn_head
        handle = head.register_forward_hook(
            lambda *args, outputs=outputs: outputs.append(args[2])
        )
        model(**model.data_preprocessor(deepcopy(data), True), mode='loss')
        handle.remove()
        (output,) = outputs
        maps = output[1] if kind == 'CascadeRPN' else output[0]
        maps_of.append(torch.cat([one.flatten(1) for one in maps], 1).flatten())
    on = dict(part='rpn_logits', topk=10_000)
    given = pair(student, teacher, deepcopy(data), on)
    order = given['student'][:, 0].argsort()
    expected = maps_of[0].argsort()
    assert_allclose(given['student'][order, 0], maps_of[0][expected])
    assert_allclose(
        given['teacher'][order, 0], maps_of[1][expected], rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize('kind', ['PanopticFPN', 'HTC'])
def test_a_semantic_map_is_what_the_head_says_of_each_pixel(kind: str) -> None:
    student, teacher = zoo(kind), zoo(kind, seed=1)
    data, terms = batch(student), {'map': ('semantic_logits', ())}
    given = pairs(student, teacher, deepcopy(data), terms)['map']
    with torch.no_grad():
        if kind == 'HTC':
            head = teacher.roi_head.semantic_head
            expected = head(features(teacher, data))[0]
        else:
            expected = teacher.semantic_head(features(teacher, data))['seg_preds']
    assert_allclose(given['teacher'][0], expected, rtol=1e-4, atol=1e-5)
    assert given['student'][0].shape == expected.shape


@pytest.mark.parametrize('kind', ['HTC', 'SCNet', 'SparseRCNN', 'PISA'])
def test_the_heads_of_a_student_run_as_often_as_without_a_teacher(kind: str) -> None:
    student = zoo(kind)
    teacher, calls = deepcopy(student).requires_grad_(False), []
    for name, module in student.roi_head.named_modules():
        module.register_forward_hook(lambda *_, name=name: calls.append(name))
    torch.manual_seed(0)  # the sampler draws
    student(**student.data_preprocessor(batch(student), True), mode='loss')
    stock = list(calls)
    calls.clear()
    names = [name for name in PARTS[kind] if name.endswith('logits')]
    torch.manual_seed(0)
    pairs(student, teacher, batch(student), {name: (name, ()) for name in names})
    assert calls == stock


class Waits(TorchDispatchMode):
    """Counts what would wait for a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = func.overloadpacket.__name__
        masks = name == 'index' and any(
            one is not None and one.dtype in (torch.bool, torch.uint8)
            for one in args[1]
        )
        self.number += masks or name in ('_local_scalar_dense', 'nonzero', '_unique2')
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize('on', ['roi_logits', 'mask_logits', 'semantic_logits'])
def test_an_htc_teacher_waits_no_more_than_a_cascade(
    on: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    run = ModelView.run_teacher

    def counted(self: Any, *args: Any) -> None:
        with Waits() as waits:
            run(self, *args)
        counts.append(waits.number)

    monkeypatch.setattr(ModelView, 'run_teacher', counted)
    student = zoo('HTC')
    pair(student, zoo('HTC', seed=1), batch(student), on)
    if on == 'semantic_logits':
        assert counts == [0]
    else:
        pair(student, cascade_rcnn(masks=True), batch(student), on)
        assert counts[0] == counts[1] > 0, 'extractors of several levels wait'


def hard_examples(model: ConfigDict) -> None:
    model.train_cfg.rcnn.sampler.type = 'OHEMSampler'


@pytest.mark.parametrize('kind', ['PISA', 'OHEM'])
def test_a_sampler_that_scores_candidates_leaves_the_rows_of_the_loss(
    kind: str,
) -> None:
    """It runs the box head of the student as well, and PISA its loss."""
    change = hard_examples if kind == 'OHEM' else None
    student = zoo('DoubleHead' if kind == 'OHEM' else kind, change=change)
    teacher = deepcopy(student)
    spy = Spy(student, 'roi_head.bbox_head', 'roi_head.bbox_head.loss_cls')
    given = pair(student, teacher, batch(student), 'roi_logits', *CONTEXT['roi_logits'])
    assert len(spy.calls['roi_head.bbox_head']) > 2, 'it scored each image before'
    logits, labels, *_ = spy.calls['roi_head.bbox_head.loss_cls'][-1]
    assert torch.equal(given['student'], logits)
    assert torch.equal(given['target'], labels)
    assert len(given['rois']) == len(labels)
    assert_allclose(given['student'], given['teacher'], rtol=1e-4, atol=1e-5)


def test_the_image_that_detectors_passes_on_is_no_feature_map() -> None:
    student = zoo('DetectoRS')
    given = pair(student, deepcopy(student), batch(student), 'backbone')
    assert [level.shape[1] for level in given['student']] == [16, 32, 64, 128]


@pytest.mark.parametrize(
    ('student', 'teacher', 'sizes'),
    [('PointRend', 'MaskScoring', (7, 28)), ('HTC', 'C4', (28, 14))],
)
def test_masks_of_different_sizes_are_refused_before_a_step(
    student: str, teacher: str, sizes: tuple[int, int]
) -> None:
    student_model, teacher_model = zoo(student), zoo(teacher, seed=1)
    message = f'masks have {sizes[0]} and the teacher.s {sizes[1]} pixels in a row'
    with pytest.raises(ValueError, match=message):
        build_adapter(student_model, teacher_model).bind('term', 'mask_logits', ())


def class_agnostic(model: ConfigDict) -> None:
    for head in model.roi_head.mask_head:
        head.class_agnostic = True


def shared(model: ConfigDict) -> None:
    model.roi_head.mask_roi_extractor = None


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (class_agnostic, 'whose classes class-agnostic heads do not tell'),
        (shared, 'which cannot be told from those of boxes'),
    ],
)
def test_masks_of_an_htc_that_cannot_be_told_are_refused(
    change: Callable[[ConfigDict], None], message: str
) -> None:
    student, teacher = zoo('HTC', change=change), mask_rcnn()
    with pytest.raises(ValueError, match=message):
        build_adapter(student, teacher).bind('term', 'mask_logits', ())


@pytest.mark.parametrize('stage', [0, 'same'])
def test_scnet_has_masks_in_its_last_stage_alone(stage: Any) -> None:
    student, teacher = zoo('SCNet'), zoo('HTC', seed=1)
    on = dict(part='mask_logits', student_stage=0)
    with pytest.raises(ValueError, match='from 2 to 2, as the student has 1 mask head'):
        pair(student, teacher, batch(student), on)
    data = batch(teacher)
    on = dict(part='mask_logits', teacher_stage=stage)
    given = pair(student, teacher, deepcopy(data), on, 'target', 'rois')
    maps, roi_head = features(teacher, data), teacher.roi_head
    with torch.no_grad():
        semantic, number = roi_head.semantic_head(maps)[1], 2 if stage == 'same' else 0
        masks = roi_head._mask_forward(number, maps, given['rois'], semantic)
    labels = given['target']
    expected = masks['mask_preds'][range(len(labels)), labels].flatten(1)
    assert_allclose(given['teacher'], expected, rtol=1e-4, atol=1e-5)


class TextRoIHead(StandardRoIHead):
    """A RoI head of a plugin."""

    def _bbox_forward(self, x: Any, rois: Tensor, text: str) -> dict[str, Tensor]:
        return super()._bbox_forward(x, rois)

    def bbox_loss(self, x: Any, sampling_results: Any) -> dict[str, Any]:
        rois = bbox2roi([one.priors for one in sampling_results])
        found = self._bbox_forward(x, rois, 'a digit')
        return self.bbox_head.loss_and_target(
            found['cls_score'],
            found['bbox_pred'],
            rois,
            sampling_results,
            self.train_cfg,
        )


@pytest.mark.parametrize('whose', ['student', 'teacher'])
def test_a_head_that_takes_more_than_rois_is_refused_by_reason(whose: str) -> None:
    student, teacher = faster_rcnn(), faster_rcnn(1)
    model = student if whose == 'student' else teacher
    model.roi_head.__class__ = TextRoIHead
    message = f'the TextRoIHead of the {whose} needs text with a RoI'
    with pytest.raises(ValueError, match=message):
        pair(student, teacher, batch(student), 'roi_logits')
    given = pair(student, teacher, batch(student), 'neck')
    assert len(given['student']) == 5


@pytest.mark.parametrize(
    ('student', 'teacher', 'on', 'message'),
    [
        ('CrowdDet', 'DoubleHead', 'roi_logits', '2 predictions of a RoI in no fixed'),
        ('CrowdDet', 'CrowdDet', 'embedding', 'MultiInstanceBBoxHead of the student'),
        ('DoubleHead', 'SABL', 'roi_boxes', 'of the teacher gives no box deltas'),
        ('DoubleHead', 'CascadeRPN', 'rpn_logits', 'do not have the same stages'),
        ('CascadeRPN', 'CascadeRPN', 'rpn_boxes', 'makes its own anchors'),
        ('DoubleHead', 'FastRCNN', 'rpn_logits', 'teacher has none, as its proposals'),
        ('DoubleHead', 'SparseRCNN', 'roi_logits', 'needs object_feats and batch_img'),
        ('SparseRCNN', 'SparseRCNN', 'roi_logits', "compare on='query_logits'"),
        ('SparseRCNN', 'DoubleHead', 'query_logits', 'cannot be aligned'),
        ('PanopticFPN', 'DoubleHead', 'semantic_logits', 'teacher has no semantic'),
        ('PanopticFPN', 'HTC', 'semantic_logits', 'PanopticFPNHead of 54 classes and'),
    ],
)
def test_a_part_that_two_families_lack_is_refused_by_reason(
    student: str, teacher: str, on: str, message: str
) -> None:
    student_model, teacher_model = zoo(student), zoo(teacher, seed=1)
    with pytest.raises(ValueError, match=f"^term .*on='{on}' cannot .*{message}"):
        pair(student_model, teacher_model, batch(student_model), on)
