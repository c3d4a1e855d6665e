"""Values and gradients of the authors' public code, see `tests/golden/index.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ckd_mm import functional

from .battery import LOSSES

GOLDEN = Path(__file__).parents[1] / 'golden'
CASES: list[dict[str, Any]] = json.loads((GOLDEN / 'index.json').read_text())['cases']
NEEDS_TARGET = {row.function.__name__ for row in LOSSES if row.needs_target}


def function_name(case: dict[str, Any]) -> str:
    return f'{case["loss_name"]}_loss'


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
    if function_name(case) in NEEDS_TARGET:
        inputs.append(torch.from_numpy(arrays['target']))
    value = getattr(functional, function_name(case))(*inputs, **case['kwargs'])
    value.backward()
    assert student.grad is not None
    assert_near(value.detach(), arrays['loss'], relative)
    assert_near(student.grad, arrays['grad'], relative)


def test_every_loss_has_golden_cases_with_a_source() -> None:
    assert {function_name(case) for case in CASES} == {
        row.function.__name__ for row in LOSSES
    }
    assert all(case['source'] for case in CASES)
    assert {case['file'] for case in CASES} == {
        path.name for path in GOLDEN.glob('*.npz')
    }
