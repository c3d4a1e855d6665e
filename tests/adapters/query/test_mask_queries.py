"""Queries with a mask each: matched, they are the same ones in two models."""

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

from ..detectors import MASKED, masked_queries, query_based
from ..pairs import pair

EACH = pytest.mark.parametrize('kind', MASKED)


def batch() -> dict[str, Any]:
    return demo_mm_inputs(
        2,
        [[3, 64, 96], [3, 96, 64]],
        num_items=[3, 2],
        num_classes=6,
        with_mask=True,
        with_semantic=True,
    )


def noted(detector: BaseModel) -> list[Any]:
    """What its head returns, in the order of its calls."""
    outputs: list[Any] = []
    head = detector.panoptic_head
    head.register_forward_hook(lambda _, __, out: outputs.append(out))
    return outputs


def scatter(detector: BaseModel, seed: int) -> None:
    """Have the queries differ, which those of untrained weights hardly do."""
    generator = torch.Generator().manual_seed(seed)

    def add(head: Any, args: Any, output: tuple[Any, Any]) -> Any:
        return tuple(
            [one + 3 * torch.randn(one.shape, generator=generator) for one in layers]
            for layers in output
        )

    detector.panoptic_head.register_forward_hook(add)


@EACH
def test_a_twin_gives_the_same_rows(kind: str) -> None:
    student = masked_queries(kind)
    assert find_adapter(student) is QueryAdapter
    given = pair(
        student.train(),
        deepcopy(student).eval(),
        batch(),
        'query_logits',
        'image_index',
    )
    assert given['student'].shape == (24, 11)
    assert given['image_index'].tolist() == [0] * 12 + [1] * 12
    assert_allclose(given['student'], given['teacher'], rtol=1e-3, atol=1e-4)
    assert given['student'].requires_grad and not given['teacher'].requires_grad


@EACH
def test_pairs_cost_least_and_give_logits_and_masks_of_the_same_queries(
    kind: str,
) -> None:
    student, teacher = masked_queries(kind, 5), masked_queries(kind, 4, seed=1)
    scatter(student, 0)
    scatter(teacher, 1)
    student_outputs, teacher_outputs = noted(student), noted(teacher)
    on = ['query_logits', dict(part='mask_logits', topk=None)]
    given = pair(student.train(), teacher, batch(), on)
    for image in range(2):
        logits, masks = (one[-1][image].detach() for one in student_outputs[0])
        logits_t, masks_t = (one[-1][image] for one in teacher_outputs[0])

        def cost(pairs: Any) -> float:
            return sum(
                2.0 * (a.softmax(0) - b.softmax(0)).abs().sum().item()
                + 5.0 * (1 - dice(c.sigmoid(), d.sigmoid()))
                for a, b, c, d in pairs
            )

        costs = {
            order: cost(
                [
                    (logits[i], logits_t[j], masks[i], masks_t[j])
                    for j, i in enumerate(order)
                ]
            )
            for order in itertools.permutations(range(5), 4)
        }
        best = min(costs, key=lambda order: costs[order])
        expected = sorted((i, j) for j, i in enumerate(best))
        rows = slice(4 * image, 4 * image + 4)
        for number, (of_student, of_teacher) in enumerate(
            [(logits, logits_t), (masks.flatten(1), masks_t.flatten(1))]
        ):
            student_rows, teacher_rows = (
                given['student'][number],
                given['teacher'][number],
            )
            assert_allclose(student_rows[rows], of_student[[i for i, _ in expected]])
            assert_allclose(teacher_rows[rows], of_teacher[[j for _, j in expected]])


def dice(first: Tensor, second: Tensor) -> float:
    return float((2 * (first * second).sum() + 1) / (first.sum() + second.sum() + 1))


def test_the_surest_queries_are_those_of_the_best_score_of_class_and_mask() -> None:
    student, teacher = masked_queries('Mask2Former'), masked_queries('Mask2Former', 9)
    scatter(teacher, 1)
    outputs = noted(teacher)
    on = dict(part='query_logits', topk=2)
    given = pair(student.train(), teacher, batch(), on, 'image_index')
    assert given['image_index'].tolist() == [0, 0, 1, 1]
    for image in range(2):
        logits, masks = (one[-1][image] for one in outputs[0])
        scores = [
            float(row.softmax(0)[:10].max() * mask.sigmoid()[mask > 0].mean())
            for row, mask in zip(logits, masks, strict=True)
        ]
        best = sorted(range(9), key=lambda query: -scores[query])[:2]
        rows = given['teacher'][2 * image : 2 * image + 2]
        assert sorted(rows.tolist()) == sorted(logits[best].tolist())


@EACH
def test_the_target_is_what_the_student_assigned_to_its_queries(kind: str) -> None:
    student = masked_queries(kind)
    scatter(student, 0)
    calls: list[Any] = []
    student.panoptic_head.loss_cls.register_forward_pre_hook(
        lambda _, args: calls.append(args)
    )
    given = pair(
        student.train(), masked_queries(kind), batch(), 'query_logits', 'target'
    )
    logits, labels, *_ = calls[-1]
    assert (given['target'] < 10).sum() == (labels < 10).sum() > 0
    for row, label in zip(given['student'], given['target'], strict=True):
        (query,) = (logits == row).all(1).nonzero().flatten()
        assert labels[query] == label


def test_a_term_on_the_backbone_does_not_run_the_head() -> None:
    student, teacher = masked_queries('Mask2Former'), masked_queries('Mask2Former')
    outputs = noted(teacher)
    given = pair(student.train(), teacher, batch(), 'backbone')
    assert len(given['teacher']) == 4 and outputs == []


def test_the_ground_truth_of_detectors_is_offered() -> None:
    student = masked_queries('Mask2Former')
    given = pair(student.train(), deepcopy(student), batch(), 'backbone', 'labels')
    assert [len(labels) for labels in given['labels']] == [3, 2]


def test_teachers_that_do_not_fit_are_refused() -> None:
    student = masked_queries('Mask2Former').train()
    with pytest.raises(ValueError, match='student have a mask each .* teacher a box'):
        pair(student, query_based('DETR'), batch(), 'query_logits')
    with pytest.raises(ValueError, match="'neck'.*the student has no neck"):
        pair(student, student, batch(), 'neck')
    teacher = masked_queries('Mask2Former')
    teacher.data_preprocessor.pad_size_divisor = 128
    with pytest.raises(ValueError, match=r'\(24, 24\) and the .*\(32, 32\).*pad_size'):
        pair(student, teacher, batch(), 'query_logits')
    detr = query_based('DETR').train()
    with pytest.raises(ValueError, match="'mask_logits'.*a box each, and no mask"):
        pair(detr, detr, batch(), 'mask_logits')
