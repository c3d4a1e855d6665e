"""Matched queries of Sparse R-CNN and QueryInst: pairs that cost least, by hand."""

from __future__ import annotations

import itertools
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.structures.bbox import bbox2roi
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose
from torch import Tensor

from ckd_mm.adapters import RoIQueryAdapter, find_adapter

from ..pairs import pair
from .zoo import batch, zoo

EACH = pytest.mark.parametrize('kind', ['SparseRCNN', 'QueryInst'])


def detector(kind: str, num_queries: int, seed: int) -> BaseModel:
    """Its queries begin with different boxes, which untrained ones do not."""

    def change(model: ConfigDict) -> None:
        model.rpn_head.num_proposals = num_queries

    found = zoo(kind, seed, change)
    boxes = found.rpn_head.init_proposal_bboxes.weight
    boxes.data = 0.2 + 0.4 * torch.rand(boxes.shape)
    return found


def last_stage(model: BaseModel, data: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Logits (N, Q, C) and boxes (N, Q, 4) relative to the image, by its own code."""
    given = model.data_preprocessor(deepcopy(data), False)
    samples = given['data_samples']
    metas = [sample.metainfo for sample in samples]
    with torch.no_grad():
        maps = model.extract_feat(given['inputs'])
        queries = model.rpn_head.predict(maps, samples)
        boxes = [one.bboxes for one in queries]
        states = torch.stack([one.features for one in queries])
        for stage in range(2):
            found = model.roi_head._bbox_forward(
                stage, maps, bbox2roi(boxes), states, metas
            )
            boxes, states = found['detached_proposals'], found['object_feats']
    logits = found['cls_score']
    sizes = logits.new_tensor([[*sample.img_shape[::-1]] * 2 for sample in samples])
    return logits, torch.stack(boxes) / sizes[:, None]


def test_options_and_parts_of_decoders_are_refused() -> None:
    student = detector('SparseRCNN', 4, 0)
    with pytest.raises(ValueError, match="'all' is for the layers of a decoder, and"):
        pair(student, student, batch(student), dict(part='query_logits', layers='all'))
    with pytest.raises(ValueError, match='refine RoIs, and it has no decoder that'):
        pair(student, student, batch(student), 'shared_query_boxes')


@EACH
def test_pairs_cost_least_and_are_of_the_last_stage_and_of_one_image(kind: str) -> None:
    student, teacher = detector(kind, 4, 0), detector(kind, 3, 1)
    assert find_adapter(student) is RoIQueryAdapter
    data = batch(student)
    (logits, boxes), (logits_t, boxes_t) = (
        last_stage(model, data) for model in (student, teacher)
    )
    given = pair(student, teacher, deepcopy(data), 'query_logits', 'image_index')
    assert given['image_index'].tolist() == [0] * 3 + [1] * 3
    assert given['student'].requires_grad and not given['teacher'].requires_grad
    for image in range(2):

        def cost(order: tuple[int, ...], image: int = image) -> float:
            mine = list(order)
            classes = logits[image, mine].sigmoid() - logits_t[image].sigmoid()
            edges = boxes[image, mine] - boxes_t[image]
            return 2 * classes.abs().sum().item() + 5 * edges.abs().sum().item()

        best = min(itertools.permutations(range(4), 3), key=cost)
        expected = sorted((i, j) for j, i in enumerate(best))
        rows = slice(3 * image, 3 * image + 3)
        mine, theirs = zip(*expected, strict=True)
        assert_allclose(
            given['student'][rows], logits[image, list(mine)], rtol=1e-3, atol=1e-4
        )
        assert_allclose(
            given['teacher'][rows], logits_t[image, list(theirs)], rtol=1e-3, atol=1e-4
        )


def test_the_binary_target_is_what_the_student_assigned_to_its_queries() -> None:
    student = detector('SparseRCNN', 6, 0)
    labels: list[Tensor] = []
    student.roi_head.bbox_head[-1].loss_cls.register_forward_pre_hook(
        lambda _, args: labels.append(args[1])
    )
    teacher = deepcopy(student)
    on = dict(part='query_logits', activation='binary')
    given = pair(student, teacher, batch(student), on, 'target')
    expected = (labels[0][:, None] != torch.arange(10)).long().flatten()
    assert (labels[0] < 10).any() and (labels[0] == 10).any()
    assert torch.equal(given['target'], expected)


def test_the_teacher_of_a_term_on_the_neck_runs_no_stage() -> None:
    student, teacher = detector('SparseRCNN', 6, 0), detector('SparseRCNN', 6, 1)
    teacher.roi_head.bbox_head[0].register_forward_hook(lambda *_: pytest.fail('ran'))
    pair(student, teacher, batch(student), 'neck')
