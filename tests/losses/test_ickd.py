"""ICKD beside what all losses with parameters share."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional import ickd_loss
from ckd_mm.losses import ICKDLoss

from .modules import build_with_weights
from .references_ickd import reference_ickd


def maps(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_without_a_projection_channels_are_compared_as_they_are() -> None:
    loss = ICKDLoss(3, 3, project=False, loss_weight=1.0)
    assert not list(loss.parameters())
    student, teacher = maps(2, 3, 4, 5), maps(2, 3, 6, 2, seed=1)
    value = loss(student, teacher)
    torch.testing.assert_close(value, reference_ickd(loss, student, teacher))
    assert loss(3 * teacher, teacher) < 1e-12, 'a scale is no difference'


def test_its_parameters_get_the_gradient_of_layers_that_make_a_map() -> None:
    loss = build_with_weights(
        'ICKDLoss', torch.float64, student_channels=2, teacher_channels=3
    )
    student, teacher = maps(3, 2, 4, 5).requires_grad_(), maps(3, 3, 4, 5, seed=1)
    inputs = [student, *loss.parameters()]
    (conv,), (norm,) = loss.projections, loss.norms
    made = F.batch_norm(conv(student), None, None, norm.weight, norm.bias, True)
    values = [loss(student, teacher), loss.loss_weight * ickd_loss(made, teacher)]
    both = [[value, *torch.autograd.grad(value, inputs)] for value in values]
    torch.testing.assert_close(*both, rtol=1e-9, atol=1e-11)


def test_a_dead_channel_gets_no_gradient() -> None:
    student = maps(2, 3, 4, 5)
    student[:, 1] = 0.0
    student.requires_grad_()
    ickd_loss(student, maps(2, 3, 4, 5, seed=1)).backward()
    assert student.grad is not None
    assert student.grad.isfinite().all()
    assert student.grad.abs().max() < 1


def test_widths_that_differ_need_the_projection() -> None:
    with pytest.raises(ValueError, match=r'project=False needs maps of one width.*; '):
        ICKDLoss(2, 3, project=False)


def test_a_grid_gives_the_mean_over_its_patches_also_of_maps_of_two_sizes() -> None:
    student, teacher = maps(2, 3, 5, 6), maps(2, 3, 8, 7, seed=1)
    patches = [
        [part for rows in one.tensor_split(3, 2) for part in rows.tensor_split(3, 3)]
        for one in (student, teacher)
    ]
    values = [ickd_loss(*pair) for pair in zip(*patches, strict=True)]
    value = ickd_loss(student, teacher, grid=3)
    torch.testing.assert_close(value, torch.stack(values).mean())


def test_maps_with_fewer_positions_than_the_grid_are_refused() -> None:
    student, teacher = maps(2, 3, 5, 6), maps(2, 3, 8, 4)
    with pytest.raises(ValueError) as error:
        ickd_loss(student, teacher, grid=5)
    assert str(error.value) == (
        'grid=5 needs feature maps of at least 5 rows and columns, got (2, 3, 5, 6) '
        'and (2, 3, 8, 4); set a grid of at most 4, or compare finer layers'
    )
