"""The student's head maps through the rest of the teacher's head, and by hand."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose
from torch import Tensor

from ckd_mm.functional import kd_loss

from ..detectors import ONE_STAGE, one_stage
from ..pairs import pair, pairs

NUM_CLASSES = 10


def deep(kind: str, seed: int = 0, convs: int = 3) -> BaseModel:
    def stack(model: Any) -> None:
        model.bbox_head.stacked_convs = convs

    model = one_stage(kind, stack, seed)
    for module in model.bbox_head.modules():
        if isinstance(module, torch.nn.Conv2d):  # else its outputs are nearly constant
            torch.nn.init.kaiming_normal_(module.weight)
    return model


def batch() -> dict[str, Any]:
    return demo_mm_inputs(
        2, [[3, 64, 96], [3, 96, 64]], num_items=[3, 2], num_classes=NUM_CLASSES
    )


def rows(maps: Any, width: int) -> Tensor:
    """All anchors or points of a batch, in MMDetection's order."""
    levels = [
        level.permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, width)) for level in maps
    ]
    return torch.cat(levels, 1).flatten(0, 1)


@pytest.mark.parametrize('kind', ONE_STAGE)
def test_a_twin_gives_what_the_student_gives_whatever_the_depth(kind: str) -> None:
    student = deep(kind)
    teacher = deepcopy(student).requires_grad_(False)
    data = batch()
    terms: dict[str, Any] = {
        f'{part}{at}': (dict(part=f'cross_{part}', at=at), ())
        for part in ('logits', 'boxes')
        for at in (1, 2)
    }
    if kind == 'GFL':
        terms['distribution'] = ('cross_distribution', ())
    for name, found in pairs(student, teacher, data, terms).items():
        assert len(found['student']) > 100, name
        assert found['student'].requires_grad and not found['teacher'].requires_grad
        assert_allclose(found['student'], found['teacher'], rtol=1e-3, atol=1e-3)
    images = student.data_preprocessor(deepcopy(data), False)['inputs']
    maps = student.bbox_head(student.extract_feat(images))[0]
    assert_allclose(
        pair(student, teacher, data, 'cross_logits')['teacher'],
        rows(maps, NUM_CLASSES),
        rtol=1e-3,
        atol=1e-4,
    )


def by_hand(
    student: BaseModel,
    teacher: BaseModel,
    data: dict[str, Any],
    at: int,
    behind: int | None = None,
    connector: Any = None,
    branch: str = 'cls',
) -> tuple[Tensor, Tensor]:
    """Outputs of a branch through the teacher's layers, level by level, and its own."""
    behind = behind or at
    images = [
        model.data_preprocessor(deepcopy(data), False)['inputs']
        for model in (student, teacher)
    ]
    maps = [
        model.extract_feat(one)
        for model, one in zip((student, teacher), images, strict=True)
    ]
    head = teacher.bbox_head
    convs = [
        getattr(one.bbox_head, f'{branch}_convs')[:number]
        for one, number in ((student, at), (teacher, behind))
    ]
    rest = getattr(head, f'{branch}_convs')[behind:]
    last = getattr(
        head, f'{"retina" if hasattr(head, "retina_cls") else "gfl"}_{branch}'
    )
    scaled = branch == 'reg' and hasattr(head, 'scales')
    crossed = []
    for level, (own, target) in enumerate(zip(*maps, strict=True)):
        own, target = (
            before_activation(convs[0], own),
            before_activation(convs[1], target),
        )
        own = own if connector is None else connector(own)
        means = [one.mean((0, 2, 3), keepdim=True) for one in (own, target)]
        stds = [  # of a channel of one value this is 1e-6, and not what rounding left
            (one.var((0, 2, 3), correction=0, keepdim=True) + 1e-12).sqrt()
            for one in (own, target)
        ]
        own = ((own - means[0]) / stds[0] * stds[1] + means[1]).relu()
        for layer in rest:
            own = layer(own)
        own = last(own)
        crossed.append(own * head.scales[level].scale if scaled else own)
    stock = head(maps[1])[branch == 'reg']
    width = crossed[0].shape[1] // head.num_base_priors
    return rows(crossed, width), rows(stock, width)


def before_activation(layers: Any, maps: Tensor) -> Tensor:
    """Behind the last of some convolutions, its activation left out."""
    for number, layer in enumerate(layers, 1):
        maps = layer(maps, activate=number < len(layers))
    return maps


@pytest.mark.parametrize('kind', ['RetinaNet', 'GFL'])
@pytest.mark.parametrize('at', [1, 2])
def test_value_and_gradient_are_those_of_both_heads_run_by_hand(
    kind: str, at: int
) -> None:
    student, teacher = deep(kind, 0), deep(kind, 1).requires_grad_(False)
    state, data = deepcopy(teacher.state_dict()), batch()
    found = pair(student, teacher, data, dict(part='cross_logits', at=at))
    crossed, stock = by_hand(student, teacher, data, at)
    assert_allclose(found['student'], crossed, rtol=1e-3, atol=1e-4)
    assert_allclose(found['teacher'], stock, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(crossed, stock, atol=1e-2)
    layer = student.bbox_head.cls_convs
    gradients = [
        torch.autograd.grad(
            1e3 * kd_loss(one, stock.detach()), layer.parameters(), allow_unused=True
        )
        for one in (found['student'], crossed)
    ]
    for mine, reference in zip(*gradients, strict=True):
        assert (mine is None) == (reference is None)
        if mine is not None:
            assert_allclose(mine, reference, rtol=1e-2, atol=1e-5)
    assert gradients[0][0] is not None and gradients[0][-1] is None
    assert all(
        torch.equal(state[key], one) for key, one in teacher.state_dict().items()
    )


def test_a_loss_can_ask_which_places_have_an_object_and_how_sure_the_teacher_is() -> (
    None
):
    student, teacher = deep('RetinaNet'), deep('RetinaNet', 1).requires_grad_(False)
    found = pair(student, teacher, batch(), 'cross_logits', 'assigned', 'scores')
    assert (
        found['assigned'].shape == found['scores'].shape == found['student'].shape[:1]
    )
    assert 0 < found['assigned'].sum() < 100
    assert_allclose(found['scores'], found['teacher'].amax(1).sigmoid())
    edges = pair(deep('GFL'), deep('GFL', 1), batch(), 'cross_distribution', 'scores')
    assert len(edges['scores']) == len(edges['student'])
    assert torch.equal(edges['scores'][::4], edges['scores'][3::4])


def test_the_surest_places_of_the_teacher_can_be_chosen() -> None:
    student, teacher = deep('RetinaNet'), deep('RetinaNet', 1).requires_grad_(False)
    data = batch()
    on = dict(part='cross_logits', rows='confident', topk=5)
    chosen = pair(student, teacher, data, on)['teacher']
    every = pair(student, teacher, data, 'cross_logits')['teacher']
    assert chosen.shape == (10, NUM_CLASSES)
    assert_allclose(chosen.amax(), every.amax())


@pytest.mark.parametrize(
    ('on', 'convs', 'message'),
    [
        (dict(at=4), 3, 'from 1 to 3, got 4'),
        (dict(at=0), 3, 'from 1 to 3, got 0'),
        (dict(topk=5), 3, "rows='all' takes them all"),
        (dict(rows='some'), 3, "rows must be one of 'all'"),
        (dict(teacher_at=4), 3, "the teacher's head, from 1 to 3, got 4"),
        (dict(teacher_at=1), 3, 'behind number 2 for .* behind number 1; set connec'),
        (dict(connector='yes'), 3, 'connector must be True or False'),
        ({}, 2, 'stacks 3 convolutions .* the teacher 2, .* set connector=True'),
    ],
)
def test_what_cannot_be_crossed_is_refused(on: dict, convs: int, message: str) -> None:
    student, teacher = deep('RetinaNet'), deep('RetinaNet', 1, convs)
    with pytest.raises(ValueError, match=message):
        pair(student, teacher, batch(), dict(part='cross_logits', **on))


def test_another_width_of_the_head_is_refused() -> None:
    def wide(model: Any) -> None:
        model.bbox_head.update(stacked_convs=3, feat_channels=64)

    message = r'\[32, 32\] channels .* \[64, 64\].* set connector=True'
    with pytest.raises(ValueError, match=message):
        pair(deep('ATSS'), one_stage('ATSS', wide, 1), batch(), 'cross_logits')


def test_a_module_that_needs_the_whole_teacher_is_refused_beside_it() -> None:
    student, teacher = deep('RetinaNet'), deep('RetinaNet', 1).requires_grad_(False)
    for model in (student, teacher):
        model.last = torch.nn.Identity()
    terms = {'cross': ('cross_logits', ()), 'last': ('module:last', ())}
    with pytest.raises(ValueError, match='leave one of the two out'):
        pairs(student, teacher, batch(), terms)
