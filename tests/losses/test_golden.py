"""Values and gradients of the authors' public code, see `tests/golden/index.json`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ckd_mm import functional

from .battery import LOSSES

GOLDEN = Path(__file__).parents[1] / 'golden'
CASES: list[dict[str, Any]] = json.loads((GOLDEN / 'index.json').read_text())['cases']
STATE = 'state of '
"""Before the names of a case's parameters; `grad of ` before those of gradients."""

NEEDS_TARGET = {name for row in LOSSES if row.needs_target for name in row.golden}
# Cases that are not named after their function.
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    'lskd': ('kd_loss', {'standardize': True}),
    'normkd': ('kd_loss', {'standardize': True, 'restore_scale': True}),
}


def golden_function(case: dict[str, Any]) -> Callable[..., Tensor]:
    name = case['loss_name']
    function_name, option = OPTIONS.get(name, (f'{name}_loss', {}))
    function = partial(getattr(functional, function_name), **case['kwargs'], **option)
    if name == 'tat':  # whose array has queries and values of the student
        return lambda both, teacher: function(*both, teacher)
    return function


def golden_module(case: dict[str, Any], state: dict[str, Tensor]) -> nn.Module:
    """A loss with parameters, which the case brings."""
    (row,) = (row for row in LOSSES if case['loss_name'] in row.golden)
    module = row.build(loss_weight=1.0, **case['kwargs'])
    module.load_state_dict(state)
    return module


def assert_near(value: Tensor, golden: np.ndarray, relative: float) -> None:
    """Relative to the largest entry: some entries of a gradient are close to 0."""
    expected = torch.from_numpy(golden)
    error = (value.double() - expected).abs().max()
    assert error <= relative * expected.abs().max().clamp_min(1e-6)


@pytest.mark.parametrize('case', CASES, ids=lambda case: case['file'])
@pytest.mark.parametrize(
    ('dtype', 'relative'), [(torch.float64, 1e-9), (torch.float32, 1e-4)], ids=str
)
def test_equals_the_authors_code_in_value_and_gradient(
    case: dict[str, Any], dtype: torch.dtype, relative: float
) -> None:
    arrays = np.load(GOLDEN / case['file'])
    student = torch.from_numpy(arrays['student']).to(dtype).requires_grad_()
    inputs = [student, torch.from_numpy(arrays['teacher']).to(dtype)]
    if case['loss_name'] in NEEDS_TARGET:
        inputs.append(torch.from_numpy(arrays['target']))
    inputs += [
        torch.from_numpy(arrays[name])
        for name in ('queries', 'quality')
        if name in arrays
    ]
    state = {
        name.removeprefix(STATE): torch.from_numpy(array)
        for name, array in arrays.items()
        if name.startswith(STATE)
    }
    loss: Any = golden_module(case, state).to(dtype) if state else golden_function(case)
    value = loss(*inputs)
    value.backward()
    for name, parameter in loss.named_parameters() if state else ():
        assert_near(parameter.grad, arrays[f'grad of {name}'], relative)
    assert student.grad is not None
    assert_near(value.detach(), arrays['loss'], relative)
    assert_near(student.grad, arrays['grad'], relative)


def test_every_case_is_named_in_a_row_and_has_a_source() -> None:
    assert {case['loss_name'] for case in CASES} == {
        name for row in LOSSES for name in row.golden
    }, 'a row names its cases in golden=(...); without public code it names none'
    assert all(case['source'] for case in CASES)
    assert {case['file'] for case in CASES} == {
        path.name for path in GOLDEN.glob('*.npz')
    }
