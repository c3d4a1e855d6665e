"""A trained convolution before the teacher's head, for heads of another shape."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.testing import assert_allclose
from torch import Tensor, nn

from ckd_mm.adapters.core.map_connector import MapConnector
from ckd_mm.engine.pairs import PairMaker
from ckd_mm.engine.terms import build_terms
from ckd_mm.functional import kd_loss
from ckd_mm.teachers import ModelTeacher, Request

from ..detectors import one_stage
from .test_cross import batch, by_hand, deep

ON = dict(part='cross_logits', connector=True)


def wide(kind: str) -> BaseModel:
    """A teacher with two convolutions of 64 channels in each branch."""

    def change(model: Any) -> None:
        model.bbox_head.update(stacked_convs=2, feat_channels=64)

    model = one_stage(kind, change, 1)
    for module in model.bbox_head.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return model.requires_grad_(False)


def maker_of(
    student: BaseModel, teacher: BaseModel, on: Any, connector: nn.Module | None = None
) -> PairMaker:
    request = Request(on, connector=connector)
    return PairMaker(student, [ModelTeacher(teacher)], {'term': request})


@pytest.mark.parametrize(
    ('kind', 'options', 'at', 'behind'),
    [('RetinaNet', {}, 2, 1), ('GFL', dict(at=3, teacher_at=2), 3, 2)],
)
def test_value_and_gradients_are_those_of_a_convolution_between_both_heads(
    kind: str, options: dict[str, int], at: int, behind: int
) -> None:
    student, teacher, data = deep(kind), wide(kind), batch()
    connector = MapConnector([(32, 64)], bias=False)
    maker = maker_of(student, teacher, {**ON, **options}, connector)
    found = maker.pairs(data)['term']
    (convolution,) = connector.convolutions
    crossed, stock = by_hand(student, teacher, data, at, behind, convolution)
    assert isinstance(found.student, Tensor)
    assert_allclose(found.student, crossed, rtol=1e-3, atol=1e-4)
    assert_allclose(found.teacher, stock, rtol=1e-3, atol=1e-4)
    learners = [student.bbox_head.cls_convs[0].conv.weight, convolution.weight]
    gradients = [
        torch.autograd.grad(1e3 * kd_loss(one, stock.detach()), learners)
        for one in (found.student, crossed)
    ]
    for gradient, reference in zip(*gradients, strict=True):
        assert gradient.any()
        assert (gradient - reference).norm() < 1e-3 * reference.norm()


def test_channels_of_one_value_take_the_mean_that_the_teacher_has() -> None:
    """GFL's GroupNorm has groups of one channel here, so of one value at P7."""
    student, teacher, data = deep('GFL'), wide('GFL'), batch()
    connector = MapConnector([(32, 64)], bias=False)
    inputs = student.data_preprocessor(deepcopy(data), False)['inputs']
    maps = student.extract_feat(inputs)[-1]
    for number, layer in enumerate(student.bbox_head.cls_convs, 1):
        maps = layer(maps, activate=number < 3)
    assert maps.shape[2:] == (1, 1) and float(maps.abs().max()) < 1e-9
    options = dict(ON, at=3, teacher_at=2)
    found = maker_of(student, teacher, options, connector).pairs(data)['term'].student
    assert isinstance(found, Tensor)
    first, second = found.unflatten(0, (2, -1))[:, -1]
    assert_allclose(first, second, rtol=0, atol=1e-6)


def test_the_branch_that_is_not_compared_has_no_part_in_it() -> None:
    """Without a gradient for a convolution, ranks would wait for it for ever."""
    student = deep('RetinaNet')
    maker = maker_of(student, wide('RetinaNet'), {**ON, 'part': 'cross_boxes'})
    found = maker.pairs(batch())['term'].student
    connector = maker.bound('term').connector
    assert isinstance(found, Tensor) and connector is not None
    found.square().mean().backward()
    assert all(one.grad is not None for one in connector.parameters())
    head = student.bbox_head
    assert head.reg_convs[0].conv.weight.grad is not None
    assert head.cls_convs[0].conv.weight.grad is None


def test_each_level_has_a_convolution_where_the_teachers_levels_have() -> None:
    maker = maker_of(deep('YOLOX'), wide('YOLOX'), ON)
    found = maker.pairs(batch())['term'].student
    connector = maker.bound('term').connector
    assert isinstance(found, Tensor) and isinstance(connector, MapConnector)
    assert len(connector.convolutions) == 3
    found.square().mean().backward()
    gradients = [one.grad for one in connector.parameters()]
    assert all(one is not None and bool(one.any()) for one in gradients)


def test_a_connector_is_of_one_part_of_its_term() -> None:
    with pytest.raises(ValueError, match='term of its own'):
        build_terms({'x': dict(on=[ON, 'cross_boxes'], loss=dict(type='PKDLoss'))})


def test_parts_that_do_not_cross_have_none() -> None:
    on = dict(part='dense_logits', connector=True)
    with pytest.raises(ValueError, match="'dense_logits' has no option 'connector'"):
        maker_of(deep('RetinaNet'), deep('RetinaNet', 1), on)


def test_the_branch_that_is_not_crossed_runs_no_convolution_again() -> None:
    student, teacher = deep('GFL'), wide('GFL')
    connector = MapConnector([(32, 64)], bias=False)
    maker = maker_of(student, teacher, {**ON, 'at': 3, 'teacher_at': 1}, connector)
    runs: Counter[str] = Counter()
    head: Any = teacher.bbox_head
    for branch in ('cls_convs', 'reg_convs'):
        for number, layer in enumerate(getattr(head, branch)):
            name = f'{branch}.{number}'
            layer.register_forward_hook(lambda *_, name=name: runs.update([name]))
    maker.pairs(batch())
    levels = len(teacher.neck.fpn_convs)
    assert runs == {
        'cls_convs.0': levels,
        'cls_convs.1': 2 * levels,
        'reg_convs.0': levels,
        'reg_convs.1': levels,
    }


def test_terms_behind_different_convolutions_share_one_run_of_the_teacher() -> None:
    student, teacher, data = deep('GFL'), deep('GFL', 1), batch()
    on = {f'at_{at}': dict(part='cross_logits', at=at) for at in (1, 2)}
    requests = {name: Request(one) for name, one in on.items()}
    maker = PairMaker(student, [ModelTeacher(teacher)], requests)
    together: dict[str, Any] = {**maker.pairs(data)}
    for name in requests:
        alone: Any = maker_of(student, teacher, on[name]).pairs(data)['term']
        assert torch.equal(together[name].student, alone.student)
        assert torch.equal(together[name].teacher, alone.teacher)
    view: Any = maker.views[0]
    assert [type(one).__name__ for one in view.plan.of_teacher] == ['HeadNoted']
