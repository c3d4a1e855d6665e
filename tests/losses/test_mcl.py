"""What MCLLoss does beyond the battery: both networks, their projections, positives."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.functional import mcl_loss
from ckd_mm.losses import MCLLoss

from .modules import build_with_weights
from .references_mcl import reference_mcl
from .samples import draw

TARGET = torch.tensor([0, 1, 0, 2, 0, 1])  # the row of class 2 has no positive
OPTIONS: dict[str, dict[str, Any]] = {
    'defaults': {},
    'same image': {'same_image_positive': True},
    'diagonal': {'diagonal_in_soft': True},
    'ICL alone': dict(vcl_weight=0.0, soft_vcl_weight=0.0, soft_icl_weight=0.0),
    'soft parts alone': dict(vcl_weight=0.0, icl_weight=0.0),
}
EACH = pytest.mark.parametrize('options', OPTIONS.values(), ids=OPTIONS)


def make(**options: Any) -> MCLLoss:
    sizes = dict(student_channels=4, teacher_channels=5, embedding_channels=3)
    made = build_with_weights('MCLLoss', torch.float64, **sizes, **options)
    assert isinstance(made, MCLLoss)
    return made


def embeddings() -> tuple[Tensor, Tensor]:
    student, teacher = draw(6, 4).student, draw(6, 5, seed=1).teacher
    return student, teacher.requires_grad_()


def gradients(value: Tensor, loss: MCLLoss, *inputs: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(value, [*inputs, *loss.parameters()]))


@EACH
def test_both_networks_and_both_projections_get_the_loops_gradient(
    options: dict[str, Any],
) -> None:
    loss, both = make(**options), embeddings()
    value, expected = loss(*both, TARGET), reference_mcl(loss, *both, TARGET)
    torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-12)
    found = gradients(value, loss, *both)
    assert all(grad.any() for grad in found)
    for got, wanted in zip(found, gradients(expected, loss, *both), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-8, atol=1e-10)


@EACH
def test_networks_that_change_places_change_nothing(options: dict[str, Any]) -> None:
    first, second = (torch.randn(6, 3, dtype=torch.float64) for _ in range(2))
    pair = [rows.requires_grad_() for rows in (first, second)]
    value = mcl_loss(pair[0], pair[1], TARGET, **options)
    exchanged = mcl_loss(pair[1], pair[0], TARGET, **options)
    torch.testing.assert_close(value, exchanged)
    for one, other in zip(
        torch.autograd.grad(value, pair),
        torch.autograd.grad(exchanged, pair),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_a_frozen_teacher_changes_no_other_gradient() -> None:
    loss, (student, teacher) = make(), embeddings()
    learning = gradients(loss(student, teacher, TARGET), loss, student)
    frozen = gradients(loss(student, teacher.detach(), TARGET), loss, student)
    for one, other in zip(learning, frozen, strict=True):
        assert torch.equal(one, other)


def test_the_soft_targets_are_constants() -> None:
    """Else the sum over both directions would be a symmetric divergence."""
    first, second = (torch.randn(5, 3, dtype=torch.float64) for _ in range(2))
    second.requires_grad_()
    parts: dict[str, Any] = dict(vcl_weight=0.0, icl_weight=0.0, soft_icl_weight=0.0)
    target = torch.zeros(5, dtype=torch.long)
    value = mcl_loss(first, second, target, **parts)
    (found,) = torch.autograd.grad(value, second)
    rows = [unit_scores(one) / 0.1 / 3 for one in (first, second)]
    wanted = 9 * kl(rows[0], rows[1]).mean()  # of the second as the one that learns
    torch.testing.assert_close(found, torch.autograd.grad(wanted, second)[0])
    torch.testing.assert_close(value, wanted + 9 * kl(rows[1], rows[0]).mean())


def unit_scores(rows: Tensor) -> Tensor:
    """Cosines without the diagonal (B, B - 1)."""
    rows = rows / rows.norm(dim=1, keepdim=True)
    off = ~torch.eye(len(rows), dtype=torch.bool)
    return (rows @ rows.T)[off].reshape(len(rows), -1)


def kl(wanted: Tensor, found: Tensor) -> Tensor:
    log_p, log_q = wanted.log_softmax(1), found.log_softmax(1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1)


def test_an_anchor_without_a_positive_adds_nothing_but_is_a_negative() -> None:
    rows = torch.randn(6, 3, dtype=torch.float64)
    hard: dict[str, Any] = dict(soft_vcl_weight=0.0, soft_icl_weight=0.0)
    values = mcl_loss(rows, rows, TARGET, reduction='none', **hard)
    assert values[3] == 0
    assert (values[[0, 1, 2, 4, 5]] > 0).all()
    moved = rows.clone()
    moved[3] = -rows[3]
    others = mcl_loss(moved, moved, TARGET, reduction='none', **hard)
    assert (others[[0, 1, 2, 4, 5]] != values[[0, 1, 2, 4, 5]]).all()


def test_the_same_image_of_the_other_network_is_a_positive_if_asked_for() -> None:
    """Of six classes no other image is one."""
    rows = torch.eye(6, dtype=torch.float64)
    icl: dict[str, Any] = dict(vcl_weight=0.0, soft_vcl_weight=0.0, soft_icl_weight=0.0)
    pair, target = (rows, rows), torch.arange(6)
    assert mcl_loss(*pair, target, **icl) == 0
    icl.update(same_image_positive=True, temperature=1.0)
    value = mcl_loss(*pair, target, **icl)
    expected = 0.1 * 2 * ((torch.e + torch.tensor(5.0)).log() - 1)
    torch.testing.assert_close(value, expected.double(), rtol=1e-6, atol=0)


def test_labels_may_be_of_more_classes_than_channels() -> None:
    rows = torch.randn(4, 3, dtype=torch.float64)
    few, many = torch.tensor([0, 0, 1, 1]), torch.tensor([998, 998, 7, 7])
    assert mcl_loss(rows, rows, few) == mcl_loss(rows, rows, many)


def test_training_brings_the_two_networks_together() -> None:
    torch.manual_seed(0)
    target = torch.arange(4).repeat(4)
    student = torch.randn(16, 4, requires_grad=True)
    teacher = torch.randn(16, 5, requires_grad=True)
    soft: dict[str, Any] = dict(soft_vcl_weight=0.1, soft_icl_weight=0.1)
    loss = MCLLoss(4, 5, embedding_channels=8, **soft)
    start = loss(student, teacher, target).item()
    optimizer = torch.optim.Adam([student, teacher, *loss.parameters()], lr=0.03)
    for _ in range(200):
        optimizer.zero_grad()
        loss(student, teacher, target).backward()
        optimizer.step()
    # three positives share a probability of 1: at best four tenths of ln 3, 0.44
    assert loss(student, teacher, target) < 0.5 < start


def test_rows_of_no_batch_leave_projections_a_gradient_of_zero() -> None:
    """A distributed run waits for the gradient of every parameter."""
    loss = make()
    empty = [torch.zeros(0, width, dtype=torch.float64) for width in (4, 5)]
    loss(*empty, TARGET[:0]).backward()
    assert all(
        parameter.grad is not None and not parameter.grad.any()
        for parameter in loss.parameters()
    )


@pytest.mark.parametrize(
    ('student', 'teacher', 'target', 'message'),
    [
        ((2, 7), (2, 5), (2,), 'student_channels must be the width of the student'),
        ((2, 4), (2, 7), (2,), 'teacher_channels must be the width of the teacher'),
        ((2, 4), (2, 5), (3,), r'class indices \(B,\) of an integer type for 2 rows'),
        ((2, 4), (2, 5), (2, 4), 'remove train_cfg.augments'),
    ],
)
def test_what_does_not_fit_is_named(
    student: tuple[int, ...],
    teacher: tuple[int, ...],
    target: tuple[int, ...],
    message: str,
) -> None:
    rows = [torch.zeros(shape, dtype=torch.float64) for shape in (student, teacher)]
    with pytest.raises(ValueError, match=message):
        make()(*rows, torch.zeros(target, dtype=torch.long))


def test_weights_that_leave_nothing_and_other_widths_are_refused() -> None:
    names = ('vcl_weight', 'icl_weight', 'soft_vcl_weight', 'soft_icl_weight')
    with pytest.raises(ValueError, match='are all 0, which leaves nothing'):
        make(**dict.fromkeys(names, 0.0))
    with pytest.raises(ValueError, match='must have one width.*project both to one'):
        mcl_loss(torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(2).long())


def test_a_copy_gives_the_same_value() -> None:
    """EMA and the probe of widths copy the loss."""
    loss, both = make(), embeddings()
    assert deepcopy(loss)(*both, TARGET) == loss(*both, TARGET)
