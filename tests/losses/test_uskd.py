"""USKD: mixed labels, the weak head's gradient, and what it does not take."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import uskd_loss
from ckd_mm.losses import USKDLoss

from .references_alone import reference_uskd
from .rows_alone import Joined


def drawn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    made = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return made.requires_grad_()


def mixed() -> Tensor:
    """Two classes each, but one of the third row."""
    eye = torch.eye(5, dtype=torch.float64)
    return 0.7 * eye[[0, 3, 2, 4]] + 0.3 * eye[[1, 2, 2, 0]]


@pytest.mark.parametrize('rank_by', ['probability', 'log'])
def test_mixed_labels_are_those_of_a_slow_loop(rank_by: Any) -> None:
    loss = USKDLoss((5, 3), alpha=0.6, beta=1.5, mu=0.4, rank_by=rank_by).double()
    logits, layer = drawn(4, 5), drawn(4, 3, 2, 2, seed=1)
    value = loss((logits, layer), mixed())
    expected = reference_uskd(Joined(loss), logits, layer, mixed())
    torch.testing.assert_close(value, expected, rtol=1e-10, atol=0.0)
    inputs = (logits, layer, *loss.parameters())
    got, wanted = (torch.autograd.grad(one, inputs) for one in (value, expected))
    torch.testing.assert_close(got, wanted, rtol=1e-8, atol=1e-12)


def test_a_soft_label_of_one_class_is_that_class() -> None:
    target = torch.tensor([1, 4, 0])
    logits, weak = drawn(3, 5), drawn(3, 5, seed=1)
    soft = torch.eye(5, dtype=torch.float64)[target]
    expected = uskd_loss(logits, weak, target)
    torch.testing.assert_close(uskd_loss(logits, weak, soft), expected)


def test_the_weak_head_trains_the_student_up_to_its_layer() -> None:
    loss = USKDLoss((5, 3), alpha=0.0, beta=0.0, mu=1.0).double()
    logits, layer = drawn(4, 5), drawn(4, 3, 2, 2, seed=1)
    loss((logits, layer), torch.tensor([1, 2, 0, 4])).backward()
    assert logits.grad is not None and not logits.grad.any()
    assert layer.grad is not None and layer.grad.any()
    assert loss.weak.weight.grad is not None and loss.weak.weight.grad.any()


@pytest.mark.parametrize(
    ('shapes', 'target', 'message'),
    [
        (
            ((4, 1), (4, 1)),
            torch.zeros(4).long(),
            'more than 1 classes .* another loss',
        ),
        (((4, 2), (4, 2)), torch.ones(4, 2), 'must have more than 2 classes'),
        (
            ((4, 5), (4, 4)),
            torch.zeros(4).long(),
            r'one shape .* \(4, 5\) and \(4, 4\)',
        ),
        (((4, 5), (4, 5)), torch.zeros(4), 'target must be class indices .* or soft'),
        (((4, 5), (4, 5)), torch.zeros(3).long(), 'target must be class indices'),
    ],
)
def test_what_does_not_fit_is_refused(
    shapes: tuple[tuple[int, ...], ...], target: Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        uskd_loss(torch.zeros(shapes[0]), torch.zeros(shapes[1]), target)
