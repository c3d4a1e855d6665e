"""Matched queries: of two models with one set of weights, they are the same ones."""

from __future__ import annotations

import itertools
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose
from torch import Tensor

from ckd_mm.adapters import QueryAdapter, find_adapter
from ckd_mm.adapters.query.matching import (
    QueryOutputs,
    box_distances,
    class_distances,
    mask_distances,
    match,
)

from ..detectors import QUERY, one_stage, query_based
from ..pairs import pair

EACH = pytest.mark.parametrize('kind', QUERY)


def batch(num_items: list[int] | None = None) -> dict[str, Any]:
    return demo_mm_inputs(
        2, [[3, 64, 96], [3, 96, 64]], num_items=num_items or [3, 2], num_classes=10
    )


def part(**options: Any) -> dict[str, Any]:
    return dict(part='query_logits', **options)


def noted(detector: BaseModel) -> list[Any]:
    """What its head returns, in the order of its calls."""
    outputs: list[Any] = []
    detector.bbox_head.register_forward_hook(lambda _, __, out: outputs.append(out))
    return outputs


def scatter(detector: BaseModel, seed: int) -> None:
    """Have the queries differ, which those of untrained weights hardly do."""
    generator = torch.Generator().manual_seed(seed)

    def add(head: Any, args: Any, output: tuple[Tensor, Tensor]) -> Any:
        logits, boxes = output
        noise = torch.randn(logits.shape, generator=generator)
        return logits + noise, 0 * boxes + torch.rand(boxes.shape, generator=generator)

    detector.bbox_head.register_forward_hook(add)


@EACH
def test_a_twin_gives_the_same_rows(kind: str) -> None:
    """The student trains, with queries for denoising before its own in DINO."""
    student = query_based(kind)
    assert find_adapter(student) is QueryAdapter
    teacher, outputs = deepcopy(student), noted(student)
    given = pair(student.train(), teacher, batch(), 'query_logits', 'image_index')
    assert given['student'].shape == (24, 11 if kind == 'DETR' else 10)
    assert (outputs[0][0].shape[2] > 12) == (kind in ('DDQDETR', 'DINO'))
    assert_allclose(given['student'], given['teacher'], rtol=1e-3, atol=1e-4)
    assert given['image_index'].tolist() == [0] * 12 + [1] * 12
    assert given['student'].requires_grad and not given['teacher'].requires_grad


@EACH
def test_pairs_cost_least_and_are_of_the_last_layer_and_of_one_image(
    kind: str,
) -> None:
    student, teacher = query_based(kind, 5), query_based(kind, 4, seed=1)
    scatter(student, 0)
    scatter(teacher, 1)
    student_outputs, teacher_outputs = noted(student), noted(teacher)
    given = pair(student.train(), teacher, batch(), 'query_logits', 'image_index')
    assert given['image_index'].tolist() == [0] * 4 + [1] * 4
    for image in range(2):
        dense = 7 if kind == 'DDQDETR' else 0  # 1.5 times as many, for training
        last = slice(-5 - dense, -dense or None)
        logits, boxes = (one[-1, image, last].detach() for one in student_outputs[0])
        logits_t, boxes_t = (one[-1, image] for one in teacher_outputs[0])

        def cost(pairs: Any, logits: Any = logits, boxes: Any = boxes) -> float:
            return sum(
                2.0 * (probability(a) - probability(b)).abs().sum().item()
                + 5.0 * (c - d).abs().sum().item()
                for a, b, c, d in pairs
            )

        def probability(one: Tensor) -> Tensor:
            return one.softmax(0) if kind == 'DETR' else one.sigmoid()

        costs = {
            order: cost(
                [
                    (logits[i], logits_t[j], boxes[i], boxes_t[j])
                    for j, i in enumerate(order)
                ]
            )
            for order in itertools.permutations(range(5), 4)
        }
        best = min(costs, key=lambda order: costs[order])
        expected = sorted((i, j) for j, i in enumerate(best))
        rows = slice(4 * image, 4 * image + 4)
        assert_allclose(given['student'][rows], logits[[i for i, _ in expected]])
        assert_allclose(given['teacher'][rows], logits_t[[j for _, j in expected]])


@pytest.mark.parametrize('kind', ['DETR', 'DINO'])
def test_all_layers_are_matched_one_by_one(kind: str) -> None:
    """Each as if it were the last of both, in one copy to the host."""
    student, teacher = query_based(kind, 5), query_based(kind, 4, seed=1)
    scatter(student, 0)
    scatter(teacher, 1)
    student_outputs, teacher_outputs = noted(student), noted(teacher)
    on = part(layers='all', topk=3)
    target = ['target'] if kind == 'DETR' else []
    given = pair(student.train(), teacher, batch(), on, 'image_index', *target)
    assert given['image_index'].tolist() == 2 * [0, 0, 0, 1, 1, 1]
    expected: list[tuple[Tensor, Tensor]] = []
    for layer, image in itertools.product(range(2), range(2)):
        logits, boxes = (one[layer, image, -5:].detach() for one in student_outputs[0])
        logits_t, boxes_t = (one[layer, image] for one in teacher_outputs[0])
        probs, probs_t = (
            one.softmax(1) if kind == 'DETR' else one.sigmoid()
            for one in (logits, logits_t)
        )
        classes = probs_t[:, :-1] if kind == 'DETR' else probs_t
        best = classes.amax(1).topk(3).indices
        costs = 2 * torch.cdist(probs, probs_t[best], p=1)
        costs = costs + 5 * torch.cdist(boxes, boxes_t[best], p=1)
        order = min(
            itertools.permutations(range(5), 3),
            key=lambda order: sum(costs[i, j].item() for j, i in enumerate(order)),
        )
        pairs = sorted(zip(order, best.tolist(), strict=True))
        expected += [(logits[i], logits_t[j]) for i, j in pairs]
    for which, name in enumerate(('student', 'teacher')):
        assert_allclose(given[name], torch.stack([one[which] for one in expected]))
    if target:
        assert given['target'].shape == (12,)


def test_all_layers_of_one_decoder_have_targets_of_their_own() -> None:
    student = query_based('DETR')
    calls: list[Any] = []
    student.bbox_head.loss_cls.register_forward_pre_hook(
        lambda _, args: calls.append(args)
    )
    on = part(layers='all')
    given = pair(student.train(), deepcopy(student), batch(), on, 'target')
    logits, labels = (torch.cat([call[i] for call in calls]) for i in range(2))
    assert len(given['target']) == 48 and (given['target'] < 10).sum() == 10
    for row, label in zip(given['student'], given['target'], strict=True):
        (query,) = (logits == row).all(1).nonzero().flatten()
        assert labels[query] == label


def test_decoders_of_other_depths_are_not_matched_layer_by_layer() -> None:
    student, deep = query_based('DETR'), query_based('DETR', num_layers=3)
    with pytest.raises(ValueError, match="has 2 layers and the teacher's 3.*='last'"):
        pair(student, deep, batch(), part(layers='all'))


def test_queries_of_the_teacher_can_be_limited_to_the_surest() -> None:
    student, teacher = query_based('DINO', 6), query_based('DINO', 9, seed=1)
    outputs = noted(teacher)
    given = pair(student.train(), teacher, batch(), part(topk=3), 'image_index')
    assert given['image_index'].tolist() == [0, 0, 0, 1, 1, 1]
    for image in range(2):
        logits = outputs[0][0][-1, image]
        best = logits[logits.amax(1).topk(3).indices]
        rows = given['teacher'][3 * image : 3 * image + 3]
        assert sorted(rows.amax(1).tolist()) == sorted(best.amax(1).tolist())


def test_the_target_is_what_the_student_assigned_to_its_queries() -> None:
    student = query_based('DETR')
    calls: list[Any] = []
    student.bbox_head.loss_cls.register_forward_pre_hook(
        lambda _, args: calls.append(args)
    )
    given = pair(student.train(), deepcopy(student), batch(), part(), 'target')
    logits, labels, _ = calls[-1]
    assert (given['target'] < 10).sum() == 5
    for row, label in zip(given['student'], given['target'], strict=True):
        (query,) = (logits == row).all(1).nonzero().flatten()
        assert labels[query] == label


def test_a_target_of_a_sigmoid_head_is_refused_with_the_way_out() -> None:
    student = query_based('DINO')
    with pytest.raises(ValueError, match="'target'.*sigmoid head; take a loss that"):
        pair(student, student, batch(), 'query_logits', 'target')


def test_images_without_objects_have_pairs_too() -> None:
    student = query_based('DINO')
    given = pair(student.train(), deepcopy(student), batch([0, 0]), 'query_logits')
    assert given['student'].shape == (24, 10)


def test_the_teacher_sees_no_ground_truth_and_the_size_of_its_own_batch() -> None:
    student, teacher = query_based('DINO'), query_based('DINO')
    teacher.data_preprocessor.pad_size_divisor = 128
    samples_given: list[Any] = []
    forward = teacher.forward_transformer

    def spy(features: Any, samples: Any) -> Any:
        samples_given.extend(samples)
        return forward(features, samples)

    teacher.forward_transformer = spy
    pair(student.train(), teacher, batch(), 'query_logits')
    assert [one.batch_input_shape for one in samples_given] == [(128, 128)] * 2
    assert [tuple(one.img_shape) for one in samples_given] == [(64, 96), (96, 64)]
    assert not any('gt_instances' in one for one in samples_given)


def test_a_term_on_the_neck_does_not_run_the_transformer() -> None:
    student, teacher = query_based('DINO'), query_based('DINO')
    outputs = noted(teacher)
    given = pair(student.train(), teacher, batch(), 'neck')
    assert len(given['teacher']) == 4 and outputs == []


def test_teachers_that_do_not_fit_are_refused() -> None:
    student = query_based('DINO')
    with pytest.raises(
        ValueError, match='student are a sigmoid per class .* teacher a softmax'
    ):
        pair(student, query_based('DETR'), batch(), 'query_logits')
    with pytest.raises(ValueError, match='a DINO and the teacher a FCOS.*neck'):
        pair(student, one_stage('FCOS'), batch(), 'query_logits')
    with pytest.raises(ValueError, match='has 10 classes and the teacher 12'):
        teacher = query_based('DeformableDETR', num_classes=12)
        pair(student, teacher, batch(), 'query_logits')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(topk=0), 'topk must be an integer >= 1'),
        (dict(class_cost=-1.0), 'class_cost must be a finite number >= 0'),
        (dict(class_cost=0.0, box_cost=0.0), 'class_cost and box_cost are all 0'),
        (dict(cost=1.0), "no option 'cost'"),
    ],
)
def test_options_out_of_range_are_refused(
    options: dict[str, Any], message: str
) -> None:
    student = query_based('DINO')
    with pytest.raises(ValueError, match=f"part 'query_logits'.*{message}"):
        pair(student, student, batch(), part(**options))


@pytest.mark.parametrize('what', ['classes', 'boxes', 'masks'])
def test_a_permutation_of_the_queries_is_found_again(what: str) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 7, 4, generator=generator)
    boxes = torch.rand(3, 7, 4, generator=generator)
    if what == 'masks':
        boxes = 9 * torch.randn(3, 7, 5, 6, generator=generator)
    order = torch.stack([torch.randperm(7, generator=generator) for _ in range(3)])
    student = QueryOutputs(logits, boxes)
    teacher = QueryOutputs(
        *(
            torch.stack([one[image][order[image]] for image in range(3)])
            for one in student
        )
    )
    if what == 'classes':
        costs = class_distances(student, teacher, softmax=False)
    else:
        distances = box_distances if what == 'boxes' else mask_distances
        costs = distances(student, teacher)
    student_rows, teacher_rows = match(costs)
    assert student_rows.tolist() == list(range(21))
    found = costs.flatten(0, 1)[student_rows, teacher_rows % 7]
    assert found.max() < (0.2 if what == 'masks' else 1e-6)
    matched = order + 7 * torch.arange(3)[:, None]
    assert matched.flatten()[teacher_rows].tolist() == list(range(21))
