"""RKD's distances and angles in blocks of rows, which bounds their memory.

Shape suffixes beside the package's: R rows of a block, D channels of an embedding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._blocks import MOST_SCORES
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['angle_error', 'distances']


def distances(rows_BD: Tensor, block_size: int | None = None) -> Tensor:
    """The distance of each pair of rows (B, B); 0 without a gradient if they coincide.

    Args:
        rows_BD: The rows; get the gradient.
        block_size: Rows that are compared with all rows at a time. None: as many as
            have 2^24 numbers.
    """
    return _Distances.apply(rows_BD, block_size)


def angle_error(
    student_BD: Tensor, teacher_BD: Tensor, block_size: int | None = None
) -> Tensor:
    """The smooth L1 loss of the cosines of all triplets, the mean of B^3.

    The forward pass computes the gradient of each block along with its value. So
    nothing is computed twice, and only B x D numbers are kept.

    Args:
        student_BD: The student's rows; get the gradient.
        teacher_BD: The teacher's rows, without a gradient.
        block_size: Rows at which the angles are, at a time. None: as many as have 2^24
            cosines or differences.

    Raises:
        RuntimeError: The backward pass has `create_graph=True`: there is no second
            derivative.
    """
    return _AngleError.apply(student_BD, teacher_BD, block_size)


class _Distances(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows_BD: Tensor, block_size: int | None) -> Tensor:
        ctx.save_for_backward(rows_BD)
        ctx.block_size = block_size
        return torch.cat(
            [
                _differences(rows_BD, block).norm(dim=2)
                for block in _blocks(rows_BD, block_size)
            ]
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        _refuse_second_derivative()
        (rows_BD,) = ctx.saved_tensors
        weights_BB = gradients[0] + gradients[0].T  # each pair has two distances
        parts = []
        for block in _blocks(rows_BD, ctx.block_size):
            directions_RBD = unit_vectors(_differences(rows_BD, block))
            parts.append(weights_BB[block, None] @ directions_RBD)
        return torch.cat(parts).squeeze(1).neg_(), None


class _AngleError(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, student_BD: Tensor, teacher_BD: Tensor, block_size: int | None
    ) -> Tensor:
        total = student_BD.new_zeros(())
        gradient = torch.zeros_like(student_BD) if ctx.needs_input_grad[0] else None
        scale = 1 / len(student_BD) ** 3
        for block in _blocks(max(student_BD, teacher_BD, key=_width), block_size):
            wanted_RBB = _cosines(unit_vectors(_differences(teacher_BD, block)))
            differences_RBD = _differences(student_BD, block)
            directions_RBD = unit_vectors(differences_RBD)
            found_RBB = _cosines(directions_RBD)
            total += F.smooth_l1_loss(found_RBB, wanted_RBB, reduction='sum')
            if gradient is not None:
                slopes_RBB = wanted_RBB.neg_().add_(found_RBB).clamp_(-1, 1)
                of_differences = _gradient(
                    slopes_RBB, found_RBB, directions_RBD, differences_RBD
                )
                gradient += of_differences.sum(dim=0)
                gradient[block] -= of_differences.sum(dim=1)
        if gradient is not None:
            ctx.save_for_backward(gradient.mul_(scale))
        return total * scale

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        _refuse_second_derivative()
        (gradient,) = ctx.saved_tensors
        return gradient * gradients[0], None, None


def _gradient(
    slopes_RBB: Tensor, cosines_RBB: Tensor, directions_RBD: Tensor, vectors_RBD: Tensor
) -> Tensor:
    """The gradient of the vectors, if the cosines of their directions have `slopes`."""
    along_RB1 = (slopes_RBB * cosines_RBB).sum(dim=2, keepdim=True)
    length_RB1 = vectors_RBD.norm(dim=2, keepdim=True)
    # both matrices are symmetric, so each vector gets the same from rows and columns
    gradient_RBD = (slopes_RBB @ directions_RBD).addcmul_(
        along_RB1, directions_RBD, value=-1
    )
    inverse_RB1 = torch.where(length_RB1 > 1e-12, 2 / length_RB1, 0.0)
    return gradient_RBD.mul_(inverse_RB1)


def _cosines(directions_RBD: Tensor) -> Tensor:
    return directions_RBD @ directions_RBD.mT


def _differences(rows_BD: Tensor, block: slice) -> Tensor:
    """All rows minus each row of the block (R, B, D)."""
    return rows_BD[None] - rows_BD[block, None]


def _blocks(rows_BD: Tensor, block_size: int | None) -> Iterator[slice]:
    num_rows = len(rows_BD)
    if block_size is None:
        block_size = max(1, MOST_SCORES // (num_rows * max(rows_BD.shape)))
    for first in range(0, num_rows, block_size):
        yield slice(first, first + block_size)


def _width(rows_BD: Tensor) -> int:
    return rows_BD.shape[1]


def _refuse_second_derivative() -> None:
    # see _blocks: a constant incoming gradient would silently give a derivative of 0
    if torch.is_grad_enabled():
        raise RuntimeError(
            'RKD has no second derivative, got a backward pass with create_graph=True'
        )
