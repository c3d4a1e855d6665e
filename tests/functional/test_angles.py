"""RKD's distances and angles in blocks: the same numbers without B^3 of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ckd_mm.functional import rkd_loss
from ckd_mm.functional._angles import angle_error, distances
from ckd_mm.functional._blocks import MOST_SCORES
from ckd_mm.functional._vectors import unit_vectors

from .test_blocks import LargestTensor

BLOCKS = pytest.mark.parametrize('block_size', [1, 3, 7, 12, 13, None])


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Two rows coincide and one is zero."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(*shape, generator=generator, dtype=torch.float64)
    rows[3], rows[5] = rows[1], 0.0
    return rows


def whole_distances(rows: Tensor) -> Tensor:
    return (rows[None] - rows[:, None]).norm(dim=2)


def whole_angles(rows: Tensor) -> Tensor:
    directions = unit_vectors(rows[None] - rows[:, None])
    return directions @ directions.mT


def whole_error(student: Tensor, teacher: Tensor) -> Tensor:
    return F.smooth_l1_loss(whole_angles(student), whole_angles(teacher))


def same(first: Tensor, second: Tensor, rows: Tensor) -> None:
    torch.testing.assert_close(first, second, rtol=1e-10, atol=1e-12)
    slopes = torch.linspace(-1, 2, first.numel(), dtype=torch.float64)
    gradients = [
        torch.autograd.grad((value.flatten() * slopes).sum(), rows, retain_graph=True)
        for value in (first, second)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-12)


@BLOCKS
def test_distances_in_blocks_are_those_of_the_whole(block_size: int | None) -> None:
    rows = draw(13, 4).requires_grad_()
    same(distances(rows, block_size), whole_distances(rows), rows)


@BLOCKS
@pytest.mark.parametrize('scale', [1.0, 0.01])
def test_angles_in_blocks_are_those_of_the_whole(
    block_size: int | None, scale: float
) -> None:
    """The teacher is wider; where they are near each other, the error is quadratic."""
    student = draw(13, 4).requires_grad_()
    noise = scale * draw(13, 6, seed=1)
    teacher = torch.cat([student.detach(), torch.zeros(13, 2)], dim=1) + noise
    found = angle_error(student, teacher, block_size)
    same(found, whole_error(student, teacher), student)


def test_both_gradients_equal_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    student.requires_grad_()
    apart = ~torch.eye(5, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda rows: distances(rows, 2)[apart], student)
    assert torch.autograd.gradcheck(lambda rows: angle_error(rows, teacher, 2), student)


def test_a_second_derivative_is_refused() -> None:
    rows = draw(6, 3).requires_grad_()
    for value in (distances(rows).sum(), angle_error(rows, draw(6, 3, seed=1))):
        with pytest.raises(RuntimeError, match='RKD has no second derivative'):
            torch.autograd.grad(value, rows, create_graph=True)


@pytest.mark.parametrize(('rows', 'width'), [(1024, 1024), (1024, 16), (300, 2048)])
def test_no_tensor_is_larger_than_a_block(rows: int, width: int) -> None:
    """B^3 cosines of 1024 rows would be 2^30 numbers, and so B x B differences."""
    with FakeTensorMode(), LargestTensor() as largest:
        student = torch.randn(rows, width, requires_grad=True)
        rkd_loss(student, torch.randn(rows, width)).backward()
    assert largest.numel <= MOST_SCORES


def test_a_wider_teacher_makes_the_blocks_smaller() -> None:
    with FakeTensorMode(), LargestTensor() as largest:
        student = torch.randn(300, 8, requires_grad=True)
        rkd_loss(student, torch.randn(300, 4096)).backward()
    assert largest.numel <= MOST_SCORES


def test_without_weight_no_angle_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> Tensor:
        raise AssertionError('angles are computed')

    monkeypatch.setattr('ckd_mm.functional.rkd.angle_error', refuse)
    student = draw(8, 3).requires_grad_()
    rkd_loss(student, draw(8, 3, seed=1), angle_weight=0.0).backward()
    with pytest.raises(AssertionError, match='angles are computed'):
        rkd_loss(student, draw(8, 3, seed=1))


def test_blocks_take_no_more_time_than_the_whole() -> None:
    """0.7 of it when measured: the gradient is computed in the forward pass."""
    student, teacher = torch.randn(2, 256, 32).unbind()
    student.requires_grad_()
    ratios = []
    for _ in range(5):
        in_blocks = seconds(lambda: angle_error(student, teacher).backward())
        whole = seconds(lambda: whole_error(student, teacher).backward())
        ratios.append(in_blocks / whole)
    assert statistics.median(ratios) < 1.1


def seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()  # other processes take none of it
    work()
    return time.process_time() - start
