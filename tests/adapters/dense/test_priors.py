"""Rows of maps whose every value is known, and the choice of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ckd_mm.adapters.core.labels import assigned_labels
from ckd_mm.adapters.dense.layouts import LAYOUTS
from ckd_mm.adapters.dense.priors import (
    choose_rows,
    confidences,
    num_priors,
    rows_of,
)

# by level: anchors, height, width
LEVELS = ((2, 3, 4), (2, 2, 2), (1, 1, 2))
IMAGES, WIDTH = 3, 5
NUM_PRIORS = [24, 8, 2]


def priors() -> Iterator[tuple[int, int, int, int, int]]:
    """Image, level, y, x and anchor of each row, in their order."""
    for image in range(IMAGES):
        for level, (anchors, height, width) in enumerate(LEVELS):
            for y in range(height):
                for x in range(width):
                    for anchor in range(anchors):
                        yield image, level, y, x, anchor


def marked_maps() -> list[Tensor]:
    """Each value says where it is: image, level, y, x, anchor, channel."""
    maps = []
    for level, (anchors, height, width) in enumerate(LEVELS):
        values = torch.empty(IMAGES, anchors * WIDTH, height, width)
        for image in range(IMAGES):
            for anchor in range(anchors):
                for channel in range(WIDTH):
                    for y in range(height):
                        for x in range(width):
                            mark = mark_of(image, level, y, x, anchor, channel)
                            values[image, anchor * WIDTH + channel, y, x] = mark
        maps.append(values)
    return maps


def mark_of(*digits: int) -> int:
    return int(''.join(map(str, digits)))


def test_a_row_is_what_its_anchor_says() -> None:
    maps = marked_maps()
    assert num_priors(maps, WIDTH) == NUM_PRIORS
    order = torch.randperm(
        IMAGES * sum(NUM_PRIORS), generator=torch.Generator().manual_seed(0)
    )
    every = list(priors())
    assert len(every) == len(order)
    found = rows_of(maps, WIDTH, order)
    expected = [[mark_of(*every[row], c) for c in range(WIDTH)] for row in order]
    assert torch.equal(found, torch.tensor(expected, dtype=found.dtype))


def test_the_gradient_reaches_the_anchors_of_the_rows_only() -> None:
    maps = [level.requires_grad_() for level in marked_maps()]
    rows = torch.tensor([0, 25, 33, 67])
    rows_of(maps, WIDTH, rows).sum().backward()
    every = list(priors())
    for level, values in enumerate(maps):
        expected = torch.zeros_like(values)
        for image, its_level, y, x, anchor in (every[row] for row in rows):
            if its_level == level:
                expected[image, anchor * WIDTH : (anchor + 1) * WIDTH, y, x] = 1
        assert values.grad is not None
        assert torch.equal(values.grad, expected)


@pytest.mark.parametrize('activation', ['softmax', 'sigmoid', 'none'])
@pytest.mark.parametrize('with_factor', [False, True])
@pytest.mark.parametrize('first', [0, 2])
def test_the_confidence_of_an_anchor_is_its_best_class(
    activation: str, with_factor: bool, first: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(level.shape, generator=generator) for level in marked_maps()]
    factors = [
        torch.rand(IMAGES, anchors, height, width, generator=generator)
        for anchors, height, width in LEVELS
    ]
    found = confidences(
        maps,
        WIDTH,
        activation=activation,
        first=first,
        factors=factors if with_factor else None,
    )
    read = {
        'softmax': lambda logits: logits.softmax(0)[:-1],
        'sigmoid': torch.sigmoid,
        'none': lambda logits: logits,
    }
    for row, (image, level, y, x, anchor) in enumerate(priors()):
        start = anchor * WIDTH
        logits = maps[level][image, start + first : start + WIDTH, y, x]
        factor = factors[level][image, anchor, y, x] if with_factor else 1.0
        expected = float(read[activation](logits).max() * factor)
        assert found.flatten()[row].item() == pytest.approx(expected, abs=1e-6)


SCORES = torch.tensor([[0.1, 0.9, 0.5, 0.7], [0.8, 0.2, 0.3, 0.0]])
ASSIGNED = torch.tensor([[True, False, True, False], [False, False, False, True]])


@pytest.mark.parametrize(
    ('rows', 'topk', 'expected'),
    [
        ('confident', 2, [1, 3, 4, 6]),
        ('confident', 9, [1, 3, 2, 0, 4, 6, 5, 7]),
        ('assigned', 9, [2, 0, 7]),
        ('assigned', None, [2, 0, 7]),
        ('assigned', 1, [2, 7]),
        ('both', 1, [2, 7]),
        ('both', 3, [2, 0, 1, 7, 4, 6]),
    ],
)
def test_rows_are_chosen_per_image_the_surest_first(
    rows: str, topk: int | None, expected: list[int]
) -> None:
    is_assigned = None if rows == 'confident' else ASSIGNED
    assert choose_rows(SCORES, is_assigned, topk, rows).tolist() == expected


def test_no_assigned_anchor_gives_no_row() -> None:
    none = torch.zeros_like(ASSIGNED)
    assert choose_rows(SCORES, none, 3, 'assigned').tolist() == []
    assert choose_rows(SCORES, none, 1, 'both').tolist() == [1, 4]


def labels(per_level: bool) -> list[Tensor]:
    """Label = row, in the order of a head's class loss: level, image, anchor."""
    rows = torch.arange(IMAGES * sum(NUM_PRIORS)).reshape(IMAGES, -1)
    by_level = [part.reshape(-1) for part in rows.split(NUM_PRIORS, dim=1)]
    return by_level if per_level else [torch.cat(by_level)]


@pytest.mark.parametrize('per_level', [False, True])
@pytest.mark.parametrize('with_quality', [False, True])
def test_labels_of_the_class_loss_are_put_in_the_order_of_the_rows(
    per_level: bool, with_quality: bool
) -> None:
    calls: list[tuple[Any, ...]] = [
        (None, (one, one.float()) if with_quality else one, None)
        for one in labels(per_level)
    ]
    found = assigned_labels(calls, NUM_PRIORS, IMAGES)
    assert found.flatten().tolist() == list(range(IMAGES * sum(NUM_PRIORS)))


@pytest.mark.parametrize(
    'given',
    [
        [],
        labels(True)[:2],
        [labels(False)[0][:-1]],
        [one.float() for one in labels(True)],
        [one[:, None].expand(-1, WIDTH) for one in labels(True)],
    ],
)
def test_a_class_loss_without_a_label_for_each_anchor_is_named(given: list) -> None:
    calls = [(None, one) for one in given]
    with pytest.raises(ValueError, match='one label for each of .*72, 24, 6'):
        assigned_labels(calls, NUM_PRIORS, IMAGES)


class Head:
    """What the layouts read of a head."""

    num_classes = WIDTH
    cls_out_channels = WIDTH
    num_attrib = WIDTH + 5
    side_num = 7
    loc_filter_thr = 0.01
    use_ohem = True


LABELS: dict[str, Callable[[], Any]] = {
    'PAAHead': lambda: [[(None, torch.empty(102).long())]],
    'YOLACTHead': lambda: [[(None, torch.empty(34).long())] * IMAGES],
    'VFNetHead': lambda: [[(None, torch.empty(102, WIDTH))]],
    'YOLOV3Head': lambda: [[(None, torch.empty(IMAGES, n, WIDTH)) for n in NUM_PRIORS]],
    'CornerHead': lambda: [
        [(None, torch.empty(IMAGES, WIDTH, 1, n)) for n in (*NUM_PRIORS, *NUM_PRIORS)]
    ],
    'YOLOXHead': lambda: [
        [(None, torch.empty(4, WIDTH))],
        [(None, torch.empty(102, 1))],
    ],
}


@pytest.mark.parametrize('kind', LABELS)
def test_labels_of_no_kind_wait_for_the_device(kind: str) -> None:
    with FakeTensorMode():
        found = LAYOUTS[kind].labels(Head(), LABELS[kind](), NUM_PRIORS, IMAGES)
        assert found.shape == (IMAGES, sum(NUM_PRIORS))


@pytest.mark.parametrize(
    'kind', ['ATSSVLFusionHead', 'GuidedAnchorHead', 'SABLRetinaHead', 'YOLOV3Head']
)
def test_factors_of_no_kind_wait_for_the_device(kind: str) -> None:
    with FakeTensorMode():
        sizes = [(IMAGES, 2, 3), (IMAGES, 1, 1)]
        ones = [torch.empty(n, 1, h, w) for n, h, w in sizes]
        sides = [(torch.empty(n, 28, h, w),) * 2 for n, h, w in sizes]
        maps = [torch.empty(n, WIDTH + 5, h, w) for n, h, w in sizes]
        found = LAYOUTS[kind].factors(Head(), (maps, sides, ones, ones), maps)
        assert found is not None
        assert [factor.shape for factor in found] == [one.shape for one in ones]


@pytest.mark.parametrize('rows', ['confident', 'both'])
def test_nothing_waits_for_the_device(rows: str) -> None:
    """Fake tensors have no values: `.item()`, branches and boolean masks raise."""
    with FakeTensorMode():
        maps = [torch.empty(IMAGES, a * WIDTH, h, w) for a, h, w in LEVELS]
        scores = confidences(maps, WIDTH, activation='sigmoid')
        given = [torch.empty(IMAGES * number).long() for number in NUM_PRIORS]
        found = assigned_labels([(None, one) for one in given], NUM_PRIORS, IMAGES)
        is_assigned = None if rows == 'confident' else found < WIDTH
        chosen = choose_rows(scores, is_assigned, 7, rows)
        assert rows_of(maps, WIDTH, chosen).shape == (7 * IMAGES, WIDTH)
