"""The encoder's maps, and DETRDistill's loss of them: by hand and in a step."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose
from torch import Tensor

from ckd_mm.adapters import build_adapter
from ckd_mm.adapters.core.pair_spec import PairSpec
from ckd_mm.adapters.query.encoder import encoder_maps
from ckd_mm.adapters.query.heads import QueryHead
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.losses import DETRDistillLoss
from ckd_mm.teachers import ModelTeacher
from ckd_mm.teachers.cacheable import check_context

from ..detectors import QUERY, faster_rcnn, masked_queries, query_based
from ..pairs import pair
from .test_query import batch
from .test_shared import before_decoder, calls_of, gradients

ANSWERS = ('queries', 'quality')
ALL = (*ANSWERS, 'image_shapes', 'image_size')
KEPT = 7
"""The detections of an image that the teacher keeps in a test."""


def teacher_of(kind: str) -> BaseModel:
    """A teacher whose queries differ more than those of untrained weights."""
    teacher = query_based(kind, 9, seed=1)
    generator = torch.Generator().manual_seed(3)
    for name, weight in teacher.named_parameters():
        if name.startswith(('encoder', 'decoder', 'query')):
            noise = torch.randn(weight.shape, generator=generator)
            weight.data += noise / weight.shape[-1] ** 0.5

    def scatter(head: Any, args: Any, output: tuple[Tensor, Tensor]) -> Any:
        noise = [torch.Generator().manual_seed(5) for _ in range(2)]
        logits, boxes = (
            torch.rand(one.shape, generator=each)
            for one, each in zip(output, noise, strict=True)
        )
        return 4 * logits, boxes

    teacher.bbox_head.register_forward_hook(scatter)
    teacher.bbox_head.test_cfg = dict(max_per_img=KEPT)
    return teacher


def maps_by_hand(model: BaseModel, data: dict[str, Any], on: str) -> list[Tensor]:
    """Maps (N, C, H, W) by level, position by position of the encoder's memory."""
    necks = model.extract_feat(data['inputs'])
    if on == 'neck':
        return list(necks)
    memory = before_decoder(model, data)[0]['memory']
    levels, first = [], 0
    for neck in necks:
        height, width = neck.shape[2:]
        rows = [
            torch.stack([memory[:, first + row * width + x] for x in range(width)], 2)
            for row in range(height)
        ]
        levels.append(torch.stack(rows, 2))
        first += height * width
    assert first == memory.shape[1]
    return levels


def overlap(box: list[float], other: list[float]) -> float:
    sides = [
        min(box[axis + 2], other[axis + 2]) - max(box[axis], other[axis])
        for axis in (0, 1)
    ]
    both = max(sides[0], 0) * max(sides[1], 0)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
    return both / (sum(areas) - both)


def quality_by_hand(logits: Tensor, boxes: Tensor, sample: Any) -> list[float]:
    """Of each query of one image in one layer: (Q, C) and (Q, 4)."""
    found = []
    for query, row in enumerate(logits):
        if len(row) == 11:  # DETR has a softmax with background
            found.append((row.softmax(0)[:-1].max().item(), query))
        else:
            found += [(score.item(), query) for score in row.sigmoid()]
    height, width = sample.img_shape
    quality = [0.0] * len(logits)
    for score, query in sorted(found, reverse=True)[:KEPT]:
        x, y, w, h = boxes[query].tolist()
        corners = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        pixels = [a * b for a, b in zip(corners, [width, height] * 2, strict=True)]
        objects = sample.gt_instances.bboxes.tolist()
        shares = [overlap(pixels, box) for box in objects] or [1.0]
        quality[query] += score * max(shares)
    return quality


def mask_by_hand(
    level: Tensor, queries: Tensor, quality: list[float], inside: list[tuple[int, int]]
) -> list[float]:
    """Of the positions inside of an image: its map (C, H, W), queries (Q, C)."""
    sums = []
    for row, column in inside:
        value = level[:, row, column]
        length = value.norm().clamp_min(1e-6)
        cosines = [(q @ value / q.norm() / length).item() for q in queries]
        total = sum(g * c for g, c in zip(quality, cosines, strict=True))
        sums.append(max(total, 0.01))
    return [one / max(sums) for one in sums]


def loss_by_hand(
    students: list[Tensor], teacher: BaseModel, data: dict[str, Any], on: str
) -> Tensor:
    samples, pixels = data['data_samples'], data['inputs'].shape[2:]
    with torch.no_grad():
        features = teacher.extract_feat(data['inputs'])
        answers = teacher.forward_transformer(features, samples)
        logits, boxes = teacher.bbox_head(**answers)
        teachers = maps_by_hand(teacher, data, on)
    total, masks = torch.zeros(()), []
    for student, wanted in zip(students, teachers, strict=True):
        _, channels, height, width = wanted.shape
        for layer, queries in enumerate(answers['hidden_states']):
            squares, entries = torch.zeros(()), 0
            for image, sample in enumerate(samples):
                limits = sample.img_shape
                inside = [
                    (row, column)
                    for row in range(height)
                    for column in range(width)
                    if (row + 0.5) * pixels[0] / height < limits[0]
                    and (column + 0.5) * pixels[1] / width < limits[1]
                ]
                entries += channels * len(inside)
                of_image = logits[layer, image], boxes[layer, image]
                quality = quality_by_hand(*of_image, sample)
                mask = mask_by_hand(wanted[image], queries[image], quality, inside)
                for weight, (row, column) in zip(mask, inside, strict=True):
                    gap = student[image, :, row, column] - wanted[image, :, row, column]
                    squares = squares + (weight * gap).square().sum()
                masks += mask
            total = total + squares / entries
    spread = torch.tensor(masks)
    assert spread.std() > 0.02 and (spread < 1).float().mean() > 0.5
    return total


@pytest.mark.parametrize(
    ('kind', 'on', 'items'),
    [
        ('DeformableDETR', 'encoder', [3, 2]),
        ('DINO', 'encoder', [0, 2]),
        ('DETR', 'encoder', [3, 2]),
        ('ConditionalDETR', 'encoder', [2, 0]),
        ('DABDETR', 'neck', [3, 2]),
    ],
)
def test_value_and_gradient_are_those_of_both_models_by_hand(
    kind: str, on: str, items: list[int]
) -> None:
    """Two images of other sizes in one batch, one without objects in some cases."""
    student, teacher = query_based(kind, 12).train(), teacher_of(kind)
    drawn = batch(items)
    data = student.data_preprocessor(deepcopy(drawn), True)
    before = deepcopy(teacher.state_dict())
    given = pair(student, teacher, drawn, on, *ALL)
    value = DETRDistillLoss()(**given)
    by_hand = loss_by_hand(maps_by_hand(student, data, on), teacher, data, on)
    assert_allclose(value, by_hand, rtol=1e-4, atol=1e-6)
    wanted, found = (gradients(student, one) for one in (by_hand, value))
    assert any('backbone' in name for name in wanted)
    assert any('encoder' in name for name in wanted) == (on == 'encoder')
    for name, gradient in wanted.items():
        got = found.get(name, torch.zeros_like(gradient))
        assert_allclose(got, gradient, rtol=1e-3, atol=1e-5)
    after = teacher.state_dict()
    assert all(one.equal(after[name]) for name, one in before.items())
    assert not any(given[name].requires_grad for name in ANSWERS)


@pytest.mark.parametrize('kind', QUERY)
def test_a_twin_has_the_same_maps_and_each_model_runs_once(kind: str) -> None:
    student = query_based(kind).train()
    teacher = deepcopy(student)
    calls = [
        calls_of(getattr(one, part))
        for one in (student, teacher)
        for part in ('encoder', 'decoder')
    ]
    given = pair(student, teacher, batch(), 'encoder', *ALL)
    assert [len(one) for one in calls] == [1] * 4
    sizes = [12, 6, 3, 2] if len(given['student']) == 4 else [3]
    assert [level.shape[2:] for level in given['teacher']] == [(n, n) for n in sizes]
    for own, other in zip(given['student'], given['teacher'], strict=True):
        assert_allclose(own, other, rtol=1e-4, atol=1e-5)
        assert own.requires_grad and not other.requires_grad
    assert given['queries'].shape[:3] == given['quality'].shape == (2, 2, 12)
    assert DETRDistillLoss()(**given) < 1e-8


def test_only_a_loss_that_asks_for_queries_has_the_decoder_run() -> None:
    student, teacher = query_based('DETR').train(), query_based('DETR', seed=1)
    encoder, decoder = calls_of(teacher.encoder), calls_of(teacher.decoder)
    pair(student, teacher, batch(), 'neck')
    assert not encoder and not decoder
    levels = pair(student, teacher, batch(), dict(part='neck', levels=[0]), *ANSWERS)
    assert len(encoder) == len(decoder) == 1
    assert len(levels['student']) == 1


def terms(on: Any = 'encoder', **loss: Any) -> Any:
    loss = {'type': 'DETRDistillLoss', **loss}
    return build_terms(dict(x=dict(on=on, loss=loss)))


def test_detectors_without_encoder_maps_are_refused() -> None:
    masked = masked_queries('MaskFormer')
    with pytest.raises(ValueError, match='MaskFormer, whose encoder, .*=.neck. or on'):
        pair(masked, masked, batch(), 'encoder')
    detr, cnn = query_based('DETR'), faster_rcnn()
    with pytest.raises(ValueError, match='DETR and the teacher a FasterRCNN, whose'):
        pair(detr, cnn, batch(), 'encoder')
    message = "unknown on='encoder' for FasterRCNN .*with queries .an encoder and"
    with pytest.raises(ValueError, match=message):
        pair(cnn, detr, batch(), 'encoder')


@pytest.mark.parametrize(
    'on', ['backbone', 'module:encoder', dict(part='neck', levels=[0])]
)
def test_pairs_without_queries_name_those_that_have_them(on: Any) -> None:
    """With a teacher of another family, not even the neck has them."""
    student = query_based('DETR')
    teacher = faster_rcnn() if isinstance(on, dict) else query_based('DETR')
    message = (
        "'queries', 'quality', .* not have; it has .*; compare on='encoder' or on="
    )
    with pytest.raises(ValueError, match=message):
        Distiller(student, [ModelTeacher(teacher)], terms(on))


def test_losses_that_do_not_fit_are_refused_before_training() -> None:
    student = query_based('DETR')
    teachers = [ModelTeacher(query_based('DETR', seed=1)) for _ in range(2)]
    with pytest.raises(
        ValueError, match="KDLoss takes .*='encoder' gives feature maps"
    ):
        Distiller(student, teachers[:1], terms(type='KDLoss'))
    message = "asks for 'queries' and 'quality' of a teacher, and hears 2 .*=NUMBER"
    with pytest.raises(ValueError, match=message):
        Distiller(student, teachers, terms())


def test_a_cache_has_no_queries() -> None:
    student = query_based('DETR')
    bound = build_adapter(student, student).bind('x', 'neck', ANSWERS)
    message = "term 'x' asks for 'queries' and 'quality' .* a cache holds .*; run the"
    with pytest.raises(ValueError, match=message):
        check_context({'x': bound}, 'a cache', 'run the teacher')
    free = build_adapter(student, student).bind('x', 'neck', ())
    check_context({'x': free}, 'a cache', 'run the teacher')


@pytest.mark.parametrize('on', ['encoder', 'neck'])
def test_other_widths_and_levels_are_refused_before_training(on: str) -> None:
    student, detr = query_based('DeformableDETR'), ModelTeacher(query_based('DETR'))
    wide = ModelTeacher(query_based('DeformableDETR', width=64))
    message = "'queries'.*; the maps of the student have 32 .* 64; take .* FitNetLoss"
    with pytest.raises(ValueError, match=message):
        Distiller(student, [wide], terms(on))
    fitnet = dict(type='FitNetLoss', student_channels=[32] * 4)
    Distiller(student, [wide], terms(on, **fitnet, teacher_channels=[64] * 4))
    message = 'differ, 4 in the student and 1 in the teacher; choose .* levels='
    with pytest.raises(ValueError, match=message):
        Distiller(student, [detr], terms(on))
    Distiller(student, [detr], terms(dict(part=on, levels=[0])))


def test_a_memory_of_other_positions_than_the_maps_is_refused() -> None:
    student = query_based('DeformableDETR')
    spec = encoder_maps(QueryHead(student), QueryHead(student))
    assert isinstance(spec, PairSpec)
    values: Any = [torch.zeros(2, 9, 32), [torch.zeros(2, 32, 3, 4)]]
    message = r'the P = 12 positions .*, \[\(3, 4\)\], got \(2, 9, 32\); compare on='
    with pytest.raises(ValueError, match=message):
        spec.student.select(values, None)  # type: ignore[arg-type]
