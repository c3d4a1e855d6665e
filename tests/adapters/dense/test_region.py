"""`rows='vlr'`: the anchors around objects, LD's valuable localisation region."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import chain
from statistics import mean, stdev
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.adapters.dense.head import DenseHead
from ckd_mm.adapters.dense.priors import num_priors
from ckd_mm.adapters.dense.region import in_region

from ..detectors import one_stage
from ..pairs import pair
from .test_one_stage import Marked, batch, marks_of, part

Box = Sequence[float]
SIZES = [(12, 16), (6, 8), (3, 4), (2, 2), (1, 1)]


def gap(anchor: Box, box: Box) -> float:
    """The squared distance of the centres."""
    return sum(
        ((anchor[axis] + anchor[axis + 2] - box[axis] - box[axis + 2]) / 2) ** 2
        for axis in (0, 1)
    )


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap(anchor: Box, box: Box) -> float:
    sides = [
        min(anchor[axis + 2], box[axis + 2]) - max(anchor[axis], box[axis])
        for axis in (0, 1)
    ]
    return max(sides[0], 0) * max(sides[1], 0)


def measure(anchor: Box, box: Box) -> float:
    corners = sum(
        (max(anchor[axis + 2], box[axis + 2]) - min(anchor[axis], box[axis])) ** 2
        for axis in (0, 1)
    )
    return overlap(anchor, box) / area(anchor) - gap(anchor, box) / corners


def slow_region(
    levels: list[list[Box]], valid: list[list[bool]], boxes: list[Box], nearest: int
) -> set[int]:
    """Anchor by anchor; it equals the authors' code, of which it has the definition."""
    found = set()
    for box in boxes:
        ious: list[float] = []
        for level, of_level in zip(levels, valid, strict=True):
            kept = [one for one, is_in in zip(level, of_level, strict=True) if is_in]
            kept.sort(key=lambda anchor: gap(anchor, box))
            for anchor in kept[:nearest]:
                both = overlap(anchor, box)
                ious.append(both / (area(anchor) + area(box) - both))
        threshold = mean(ious) + stdev(ious)
        every = zip(chain(*levels), chain(*valid), strict=True)
        for number, (anchor, is_in) in enumerate(every):
            if is_in and 0.25 * threshold <= measure(anchor, box) < threshold:
                found.add(number)
    return found


def sample(boxes: Tensor, pad_shape: tuple[int, int]) -> Any:
    return SimpleNamespace(
        gt_instances=SimpleNamespace(bboxes=boxes), pad_shape=pad_shape
    )


def draw(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    centres = torch.rand(count, 2, generator=generator) * 96
    sides = 8 + torch.rand(count, 2, generator=generator) * 60
    return torch.cat([centres - sides / 2, centres + sides / 2], dim=1)


def test_the_region_is_that_of_a_slow_loop() -> None:
    """Also in an image that does not fill the batch, whose padding has no anchors."""
    head = DenseHead(one_stage('GFL'))
    samples = [sample(draw(4, 0), (96, 128)), sample(draw(1, 1), (64, 96))]
    maps = [torch.zeros(2, head.width, *size) for size in SIZES]
    found = in_region(head, maps, samples)
    generator = head.module.prior_generator
    levels = [one.tolist() for one in generator.grid_priors(SIZES, device='cpu')]
    for image, one in zip(found, samples, strict=True):
        flags = generator.valid_flags(SIZES, one.pad_shape, device='cpu')
        valid, boxes = [flag.tolist() for flag in flags], one.gt_instances.bboxes
        expected = slow_region(levels, valid, boxes.tolist(), 9)
        assert set(image.nonzero().flatten().tolist()) == expected
        assert len(expected) > 5


def test_rows_of_both_models_are_those_of_the_region() -> None:
    marked, data = Marked('GFL'), batch()
    given = pair(
        marked.student, marked.teacher, deepcopy(data), part(rows='vlr', topk=None)
    )
    marks = marks_of(given['student'])
    assert marks == marks_of(given['teacher'])
    processed = marked.student.data_preprocessor(deepcopy(data), True)
    head, images = DenseHead(marked.student), processed['inputs']
    maps = marked.student.bbox_head(marked.student.extract_feat(images))[0]
    found = in_region(head, maps, processed['data_samples'])
    by_level = found.split(num_priors(maps, head.width), dim=1)  # as marks are counted
    expected = torch.cat([level.flatten() for level in by_level]).nonzero().flatten()
    assert sorted(marks) == expected.tolist()
    assert len(marks) > 10


def test_edges_are_of_the_same_anchors_and_none_without_objects() -> None:
    student, teacher = one_stage('GFL'), one_stage('GFL', seed=1)
    on = part('box_distribution', rows='vlr', topk=None)
    rows = [part(rows='vlr', topk=None), on]
    data = batch()
    classes, edges = pair(student, teacher, data, rows)['student']
    assert len(edges) == 4 * len(classes) > 40
    nothing = pair(student, teacher, batch([0, 0]), on)
    assert nothing['student'].shape == nothing['teacher'].shape == (0, 17)


@pytest.mark.parametrize('kind', ['FCOS', 'RetinaNet'])
def test_heads_without_atss_are_refused_with_a_way_out(kind: str) -> None:
    student = one_stage(kind)
    message = r"rows='vlr': .* the student has a \w+Head with \w+; take rows='assigned'"
    with pytest.raises(ValueError, match=message):
        pair(student, student, batch(), part(rows='vlr'))
