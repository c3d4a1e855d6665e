"""Every registered loss on the device: values and gradients of the CPU, no wait."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ckd_mm.losses._indices import IndexCheck

from ..losses.battery import EACH_SETTING, LossRow

near = partial(torch.testing.assert_close, rtol=1e-3, atol=1e-6, equal_nan=True)

DRAWING = {'CRDLoss', 'MGDLoss'}
"""Losses that draw random numbers, which differ on a GPU."""


@dataclass(frozen=True)
class Case:
    """A number of rows, and whether it is a run in mixed precision."""

    rows: int
    half: bool = False

    @property
    def dtype(self) -> torch.dtype:
        return torch.float16 if self.half else torch.float32

    def inputs(self, row: LossRow, place: str) -> list[Any]:
        """What the loss takes; the student first, which requires a gradient."""

        def placed(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            if value.is_floating_point():
                value = value.detach().to(torch.float32)
            return value.to(place)

        found = [tree_map(placed, one) for one in row.inputs(row.draw(self.rows))]
        found[0] = found[0].to(self.dtype).requires_grad_()
        found[1] = found[1].to(self.dtype)
        return found


CASES = {
    'six rows': Case(6),
    'float16': Case(6, half=True),
    'one row': Case(1),
    'no row': Case(0),
}


def step(loss: nn.Module, inputs: list[Any], half: bool) -> Tensor:
    """One forward and backward pass, with the statistics that are logged."""
    student, teacher = inputs[:2]
    student.grad = None
    with torch.autocast('cuda', torch.float16, enabled=half):
        value: Tensor = loss(*inputs)
        statistics: Any = getattr(loss, 'statistics', None)
        if statistics is not None:
            statistics(student, teacher)
    value.backward()
    return value.detach()


@EACH_SETTING
@pytest.mark.parametrize('case', CASES)
def test_it_is_the_cpus_and_never_waits(
    device: Any, row: LossRow, kwargs: dict[str, Any], case: str
) -> None:
    on_cpu = row.build(**kwargs).float()
    on_device = copy.deepcopy(on_cpu).to('cuda')
    expected, got = (CASES[case].inputs(row, place) for place in ('cpu', 'cuda'))
    value = on_cpu(*expected)
    value.backward()
    half = CASES[case].half
    first = step(on_device, got, half).cpu()
    gradient = got[0].grad.cpu()
    with device.record() as record:
        step(on_device, got, half)
    assert record.counts() == {}
    assert record.launches > 0
    if device.is_mock or row.class_name not in DRAWING:
        near(first, value.detach())
        near(gradient, expected[0].grad)
    for parameter in on_device.parameters():
        assert parameter.grad is not None
        assert parameter.grad.device.type == 'cuda'


def test_indices_are_checked_in_the_first_step_alone(device: Any) -> None:
    check = IndexCheck('sample_index', 'num_samples', 4, 'count the images')
    indices = torch.tensor([1, 2]).to('cuda')
    found = []
    for _ in range(2):
        with device.record() as record:
            check(indices)
        found.append(len(record.waits))
    assert found == [2, 0]
