"""What holds for the function of every loss, driven by the table in `battery.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from .battery import (
    EACH_SETTING,
    LOSSES,
    LossRow,
    Mismatch,
    Sample,
    gradient,
)

HALF = pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16], ids=str)


def cast(sample: Sample, dtype: torch.dtype) -> Sample:
    student = sample.student.detach().to(dtype).requires_grad_()
    return replace(sample, student=student, teacher=sample.teacher.to(dtype))


@EACH_SETTING
@pytest.mark.parametrize('rows', [1, 2, 5])
def test_equals_a_slow_loop_in_value_and_gradient(
    row: LossRow, kwargs: dict[str, Any], rows: int
) -> None:
    sample = row.draw(rows, seed=rows)
    value = row.function(*row.inputs(sample), **kwargs)
    expected = row.reference(*row.inputs(sample), **kwargs)
    torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(
        gradient(value, sample), gradient(expected, sample), rtol=1e-8, atol=1e-10
    )


@EACH_SETTING
def test_gradient_equals_finite_differences(
    row: LossRow, kwargs: dict[str, Any]
) -> None:
    if not row.is_derivative:
        pytest.skip('the row says why')
    sample = row.draw(4, seed=7)
    _, *others = row.inputs(sample)
    assert torch.autograd.gradcheck(
        lambda student: row.function(student, *others, **kwargs), sample.student
    )


@EACH_SETTING
def test_teacher_gets_no_gradient_but_where_both_models_may_learn(
    row: LossRow, kwargs: dict[str, Any]
) -> None:
    sample = row.draw(4)
    sample.teacher.requires_grad_()
    row.function(*row.inputs(sample), **kwargs).backward()
    assert (sample.teacher.grad is not None) is row.teacher_learns
    assert sample.student.grad is not None
    assert sample.student.grad.abs().sum() > 0


@EACH_SETTING
def test_an_empty_batch_gives_zero_and_keeps_the_graph(
    row: LossRow, kwargs: dict[str, Any]
) -> None:
    sample = row.draw(0)
    value = row.function(*row.inputs(sample), **kwargs)
    assert value.shape == ()
    assert value == 0
    value.backward()
    assert sample.student.grad is not None
    assert sample.student.grad.shape == (0, *row.rest)


@EACH_SETTING
def test_a_single_row_is_finite_in_value_and_gradient(
    row: LossRow, kwargs: dict[str, Any]
) -> None:
    sample = row.draw(1)
    value = row.function(*row.inputs(sample), **kwargs)
    assert value.isfinite()
    assert gradient(value, sample).isfinite().all()


@EACH_SETTING
@pytest.mark.parametrize('both', [False, True], ids=['student', 'both'])
def test_models_that_are_zero_give_a_moderate_gradient(
    row: LossRow, kwargs: dict[str, Any], both: bool
) -> None:
    """The reference code of CKD and DIST divides by 1e-12 and 1e-8 here.

    A student may start at zero; dead channels and a ReLU make both models zero.
    """
    drawn = row.draw(4)
    zeros = torch.zeros_like(drawn.student, requires_grad=True)
    teacher = torch.zeros_like(drawn.teacher) if both else drawn.teacher
    sample = replace(drawn, student=zeros, teacher=teacher)
    value = row.function(*row.inputs(sample), **kwargs)
    assert value.isfinite()
    assert gradient(value, sample).abs().max() < row.steepest_at_zero


@EACH_SETTING
@HALF
@pytest.mark.parametrize('autocast', [False, True], ids=['plain', 'autocast'])
def test_half_precision_inputs_are_computed_in_float32(
    row: LossRow, kwargs: dict[str, Any], dtype: torch.dtype, autocast: bool
) -> None:
    half = cast(row.draw(6), dtype)
    exact = cast(half, torch.float64)
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
        value = row.function(*row.inputs(half), **kwargs)
    expected = row.function(*row.inputs(exact), **kwargs)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-6)
    step = torch.finfo(dtype).eps
    torch.testing.assert_close(
        gradient(value, half).double(),
        gradient(expected, exact),
        rtol=step,
        atol=step * 1e-2,
    )


@EACH_SETTING
def test_float32_inputs_under_autocast_stay_float32(
    row: LossRow, kwargs: dict[str, Any]
) -> None:
    sample = cast(row.draw(6), torch.float32)
    expected = row.function(*row.inputs(sample), **kwargs)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = row.function(*row.inputs(sample), **kwargs)
    assert value.dtype == torch.float32
    assert value == expected


@EACH_SETTING
@HALF
def test_large_half_precision_inputs_stay_finite(
    row: LossRow, kwargs: dict[str, Any], dtype: torch.dtype
) -> None:
    sample = cast(row.draw(6, scale=1000.0), dtype)
    value = row.function(*row.inputs(sample), **kwargs)
    assert value.isfinite()
    assert gradient(value, sample).isfinite().all()


@EACH_SETTING
def test_teacher_may_be_of_another_precision(
    row: LossRow, kwargs: dict[str, Any]
) -> None:
    sample = cast(row.draw(6), torch.float32)
    mixed = replace(sample, teacher=sample.teacher.bfloat16())
    same = replace(sample, teacher=mixed.teacher.float())
    value = row.function(*row.inputs(mixed), **kwargs)
    assert value == row.function(*row.inputs(same), **kwargs)


@pytest.mark.parametrize(
    ('row', 'name'),
    [
        pytest.param(row, name, id=f'{row.class_name}-{name}')
        for row in LOSSES
        for name in row.invariances
    ],
)
def test_is_invariant(row: LossRow, name: str) -> None:
    sample = row.draw(5)
    changed = row.invariances[name](sample)
    assert not all(
        before is after or torch.equal(before, after)
        for before, after in zip(row.inputs(sample), row.inputs(changed), strict=True)
    )
    for kwargs in row.kwargs_sets:
        before, after = (
            row.function(*row.inputs(one), **kwargs) for one in (sample, changed)
        )
        breaks = row.broken_by.get(name)
        if breaks and breaks.items() <= kwargs.items():
            assert not torch.isclose(after, before)
        else:
            torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-12)


@EACH_SETTING
def test_never_waits_for_the_device(row: LossRow, kwargs: dict[str, Any]) -> None:
    """Fake tensors have no values: `.item()`, branches and boolean masks raise."""
    with FakeTensorMode():
        sample = cast(row.draw(4), torch.float32)
        value = row.function(*row.inputs(sample), **kwargs)
        assert gradient(value, sample).shape == (4, *row.rest)


@pytest.mark.parametrize(
    ('row', 'mismatch'),
    [
        pytest.param(row, mismatch, id=f'{row.class_name}-{mismatch}')
        for row in LOSSES
        for mismatch in row.mismatches
    ],
)
def test_shapes_that_do_not_fit_are_named(row: LossRow, mismatch: Mismatch) -> None:
    student, teacher = torch.zeros(mismatch.student), torch.zeros(mismatch.teacher)
    drawn = row.draw(len(student))
    sample = replace(drawn, student=student, teacher=teacher)
    with pytest.raises(ValueError) as error:
        row.function(*row.inputs(sample))
    assert str(error.value) == mismatch.message
