"""Values and gradients of the authors' public code, see `tests/golden/index.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count, takewhile
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector
from torch.utils._pytree import tree_leaves, tree_map

from ckd_mm import functional

from .battery import LOSSES

GOLDEN = Path(__file__).parents[1] / 'golden'
CASES: list[dict[str, Any]] = json.loads((GOLDEN / 'index.json').read_text())['cases']
STATE = 'state of '
"""Before the names of a case's parameters; `grad of ` before those of gradients."""
Levels: TypeAlias = Tensor | list[Tensor]

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
    module = row.build(loss_weight=1.0, **case['kwargs']).double()
    module.load_state_dict(state)
    return module


def levels(arrays: Mapping[str, np.ndarray], name: str) -> Levels:
    """The array of that name, or the list of `name 0`, `name 1` and so on."""
    if name in arrays:
        return torch.from_numpy(arrays[name])
    names = (f'{name} {level}' for level in count())
    return [
        torch.from_numpy(arrays[one]) for one in takewhile(arrays.__contains__, names)
    ]


def named_inputs(
    case: dict[str, Any], arrays: Mapping[str, np.ndarray], dtype: torch.dtype
) -> dict[str, Any]:
    """What a loss takes by name: numbers of the case, boxes, a stage of the teacher."""
    found: dict[str, Any] = dict(case.get('inputs', {}))
    if 'boxes 0' in arrays:
        found['boxes'] = levels(arrays, 'boxes')
    if 'last stage' in arrays:
        weight = torch.from_numpy(arrays['last stage']).to(dtype)
        found['last_stage'] = lambda maps: F.conv2d(maps, weight, stride=2).tanh()
    return found


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
    student, teacher = (
        tree_map(lambda maps: maps.to(dtype), levels(arrays, name))
        for name in ('student', 'teacher')
    )
    leaves = [maps.requires_grad_() for maps in tree_leaves(student)]
    inputs = [student, teacher]
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
    value = loss(*inputs, **named_inputs(case, arrays, dtype))
    value.backward()
    if state:
        # All parameters at once: the gradient of one alone may be 0 but for rounding.
        by_name = dict(loss.named_parameters())
        golden = [arrays[f'grad of {name}'].ravel() for name in by_name]
        gradient = parameters_to_vector(one.grad for one in by_name.values())
        assert_near(gradient, np.concatenate(golden), relative)
    assert_near(value.detach(), arrays['loss'], relative)
    expected = tree_leaves(levels(arrays, 'grad'))
    for leaf, gradient in zip(leaves, expected, strict=True):
        assert_near(leaf.grad, gradient.numpy(), relative)


def test_every_case_is_named_in_a_row_and_has_a_source() -> None:
    assert {case['loss_name'] for case in CASES} == {
        name for row in LOSSES for name in row.golden
    }, 'a row names its cases in golden=(...); without public code it names none'
    assert all(case['source'] for case in CASES)
    assert {case['file'] for case in CASES} == {
        path.name for path in GOLDEN.glob('*.npz')
    }
