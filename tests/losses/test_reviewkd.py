"""ReviewKD beside what all losses with parameters share."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.losses import ReviewKDLoss
from ckd_mm.losses._connectors import BatchNorm

from .modules import build_with_weights
from .references_connectors import reference_reviewkd

SIZES = {
    'one level': ([(4, 6)], [(4, 6)]),
    'fine to coarse': ([(6, 5), (3, 2), (1, 1)], [(6, 5), (3, 2), (1, 1)]),
    'odd sizes': ([(7, 5), (4, 3), (2, 2)], [(7, 5), (4, 3), (2, 2)]),
    'teacher of other sizes': ([(4, 4), (2, 2), (1, 1)], [(8, 6), (3, 2), (2, 1)]),
}


def draw(sizes: Any, images: int = 2) -> tuple[list[Tensor], list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    students, teachers = (
        [
            torch.randn(
                images, channels, *size, generator=generator, dtype=torch.float64
            )
            for channels, size in enumerate(part, first)
        ]
        for part, first in zip(sizes, (1, 2), strict=True)
    )
    return students, teachers


def loss_for(levels: int, mid_channels: int = 3) -> Any:
    return build_with_weights(
        'ReviewKDLoss',
        torch.float64,
        student_channels=list(range(1, 1 + levels)),
        teacher_channels=list(range(2, 2 + levels)),
        mid_channels=mid_channels,
    )


@pytest.mark.parametrize('sizes', SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize('images', [1, 2])
def test_equals_loops_in_value_and_all_gradients(sizes: Any, images: int) -> None:
    students, teachers = draw(sizes, images)
    for level in students:
        level.requires_grad_()
    loss = loss_for(len(students))
    inputs = [*students, *loss.parameters()]
    value = loss(students, teachers)
    expected = reference_reviewkd(loss, students, teachers)
    torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-12)
    gradients = torch.autograd.grad(value, inputs)
    wanted = torch.autograd.grad(expected, inputs)
    torch.testing.assert_close(gradients, wanted, rtol=1e-8, atol=1e-10)


def test_a_fine_teacher_level_trains_all_deeper_student_levels() -> None:
    students, teachers = draw(SIZES['fine to coarse'])
    for level in students:
        level.requires_grad_()
    loss, outputs = loss_for(3), []
    for fusion in loss.fusions:
        fusion.register_forward_hook(lambda _, __, out: outputs.append(out[0]))
    loss(students, teachers)
    assert len(outputs) == 3
    for deepest_first, output in enumerate(outputs):
        output.square().sum().backward(retain_graph=True)
        reached = [level.grad is not None for level in students]
        assert reached == [2 - deepest_first <= number for number in range(3)]


def test_a_pooled_embedding_is_the_deepest_level() -> None:
    students, teachers = draw(SIZES['fine to coarse'])
    value = loss_for(3)(students, teachers)
    students[2], teachers[2] = students[2][:, :, 0, 0], teachers[2][:, :, 0, 0]
    assert loss_for(3)(students, teachers) == value


def test_initialisation_is_the_authors() -> None:
    torch.manual_seed(0)
    loss: Any = ReviewKDLoss([64, 32], [32, 16], mid_channels=48)
    fine, deepest = loss.fusions
    for conv in (fine.reduce[0], fine.output[0], deepest.reduce[0], deepest.output[0]):
        assert conv.bias is None
        bound = (3 / conv.weight[0].numel()) ** 0.5  # kaiming_uniform, a = 1
        assert 0.95 * bound < conv.weight.abs().max() <= bound
    assert fine.attend.weight.shape == (2, 96, 1, 1)
    assert deepest.attend is None  # it would never get a gradient


def test_a_step_counts_once_in_the_running_statistics() -> None:
    """The backward pass normalises again, and must not count the batch again."""
    students, teachers = draw(SIZES['fine to coarse'])
    for level in students:
        level.requires_grad_()
    loss = loss_for(3)
    value = loss(students, teachers)
    norms = [module for module in loss.modules() if isinstance(module, BatchNorm)]
    before = [deepcopy(norm.state_dict()) for norm in norms]
    value.backward()
    assert before[0]['num_batches_tracked'] == 1
    assert before[0]['running_mean'].any()
    for norm, state in zip(norms, before, strict=True):
        assert norm.weight.grad is not None
        for name, kept in state.items():
            assert torch.equal(norm.state_dict()[name], kept), name
