"""CanKD beside what all losses with parameters share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.live_memory import cost
from ckd_mm.functional import _moments, cankd_loss
from ckd_mm.losses import CanKDLoss

from .modules import build_with_weights

WIDTHS = {'student_channels': 4, 'teacher_channels': 4}


def maps(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_attention_counts_from_the_second_step_on() -> None:
    """The factors of its normalisation start at 0, and learn at once."""
    loss: Any = CanKDLoss(**WIDTHS, loss_weight=1.0).double()
    student, teacher = maps(2, 4, 6, 6), maps(2, 4, 6, 6, seed=1)
    assert loss(student, teacher) == cankd_loss(student, teacher)
    (attention,) = loss.attentions
    assert loss.statistics(student, teacher) == {'attention_gain': 0}
    loss(student, teacher).backward()
    assert not attention.query.weight.grad.any()
    torch.optim.SGD(loss.parameters(), lr=1.0).step()
    loss(student, teacher).backward()
    assert attention.query.weight.grad.any()
    assert loss.statistics(student, teacher)['attention_gain'] > 0


def test_the_factors_are_those_of_a_norm_for_the_optimizer() -> None:
    """So that `norm_decay_mult` sets their weight decay."""
    (attention,) = CanKDLoss(**WIDTHS).attentions
    assert isinstance(attention.norm, torch.nn.BatchNorm2d)
    assert dict(attention.norm.named_parameters()).keys() == {'weight'}


@pytest.mark.parametrize('size', [(1, 5), (5, 1), (1, 1)])
def test_an_axis_of_one_position_is_not_pooled(size: tuple[int, int]) -> None:
    loss = build_with_weights('CanKDLoss', torch.float64, **WIDTHS)
    student = maps(3, 4, *size).requires_grad_()
    value = loss(student, maps(3, 4, *size, seed=1))
    value.backward()
    assert student.grad is not None
    assert student.grad.isfinite().all()
    assert (value > 0) == (size != (1, 1)), 'one position has no variance'


def test_blocks_of_images_change_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = build_with_weights('CanKDLoss', torch.float64, **WIDTHS)
    student, teacher = maps(3, 4, 6, 5).requires_grad_(), maps(3, 4, 6, 5, seed=1)
    both = []
    for most in (2**24, 1):
        monkeypatch.setattr(_moments, '_MOST_NUMBERS', most)
        value = loss(student, teacher)
        inputs = [student, *loss.parameters()]
        both.append([value, *torch.autograd.grad(value, inputs)])
    torch.testing.assert_close(*both, rtol=1e-12, atol=1e-14)


def test_its_second_derivative_is_that_of_finite_differences() -> None:
    teacher, attention = maps(2, 2, 2, 3, seed=1), maps(2, 2, 2, seed=2)
    assert torch.autograd.gradgradcheck(
        lambda student: cankd_loss(student, teacher, attention),
        maps(2, 2, 2, 3).requires_grad_(),
    )


def test_channels_far_from_zero_keep_their_value_in_float32() -> None:
    loss = build_with_weights('CanKDLoss', torch.float32, **WIDTHS)
    student, teacher = maps(2, 4, 9, 9) + 100, maps(2, 4, 9, 9, seed=1) - 100
    value = loss(student.float(), teacher.float())
    expected = loss.double()(student.float().double(), teacher.float().double())
    torch.testing.assert_close(value.double(), expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize('half', [False, True], ids=['float32', 'AMP'])
def test_five_levels_at_the_size_of_coco_add_at_most_400_mib(half: bool) -> None:
    """Two images of 800 x 1344; the authors' matrix of an image has 4.5 GB at P2."""
    dtype = torch.bfloat16 if half else torch.float32
    sizes = [(200, 336), (100, 168), (50, 84), (25, 42), (13, 21)]
    with FakeTensorMode():
        loss = CanKDLoss([256] * 5, [256] * 5)
        student, teacher = (
            [torch.randn(2, 256, *size).to(dtype) for size in sizes] for _ in range(2)
        )
        for level in student:
            level.requires_grad_()

        def step() -> None:
            with torch.autocast('cpu', dtype=torch.bfloat16, enabled=half):
                value = loss(student, teacher)
            value.backward()

        found = cost(step, known=[student, teacher, list(loss.parameters())])
    assert found.peak < 400 * 2**20
