"""IRG: how far samples are apart in each layer, and how far each moves between layers.

Shape suffixes beside the package's: D the numbers of a flattened sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from ckd_mm.functional._distances import rounding_of, squared_distances
from ckd_mm.functional._inputs import check_embeddings, full_precision
from ckd_mm.functional._sizes import of_smaller_size

__all__ = ['irg_loss']


def irg_loss(
    student: Tensor | Sequence[Tensor],
    teacher: Tensor | Sequence[Tensor],
    *,
    edge_weight: float = 5.0,
    transformation_weight: float = 5.0,
) -> Tensor:
    r"""Mean squared error of the edges and the transformations of a relationship graph.

    .. math::
        L = \frac{w_e}{n} \sum_l \frac{1}{B^2} \lVert E(s^l) - E(t^l) \rVert^2
            + \frac{w_t}{n'} \sum_l \frac{1}{B}
            \lVert \tau(s^l, s^{l+1}) - \tau(t^l, t^{l+1}) \rVert^2

    The edges E are the squared distances of all pairs of samples, the transformations
    those of each sample in two layers that follow each other, both divided by their
    largest value. n counts the layers, n' the pairs of feature maps. For a
    transformation the larger map is average-pooled to the size of the smaller one, and
    of the wider map neighbouring channels are averaged.

    "Knowledge Distillation via Instance Relationship Graph", CVPR 2019 (no arXiv
    number). The authors' code is for Caffe (yufanLIU/IRG, BSD) and was not run. Form
    and weights are those of AberHu/Knowledge-Distillation-Zoo, which has no licence,
    without its floor of 1e-12 below all distances. The squared error of the logits, the
    graph's vertices, is not here.

    Args:
        student: Embeddings (B, D) or feature maps (B, C, H, W) of one layer, or a list
            of these, early layers first; any real values; gets the gradient.
        teacher: The same with any widths and sizes; detached here.
        edge_weight: Weight of the edges, a finite number >= 0.
        transformation_weight: Weight of the transformations, a finite number >= 0. One
            layer has none.

    Returns:
        The weighted sum, without a unit, from 0 to the sum of both weights, of shape
        (). An empty batch gives 0 with a graph; a single row has no edges.

    Raises:
        ValueError: The tensors have other dimensions or numbers of rows, the models
            other numbers of layers, or channels of two layers are no multiples.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import irg_loss
        >>> irg_loss(3 * torch.eye(3), torch.eye(3))  # the same triangle, larger
        tensor(0.)
        >>> irg_loss(torch.tensor([[0.0], [1.0], [2.0]]), torch.eye(3), edge_weight=1.0)
        tensor(0.2500)
    """
    students, teachers = _layers(student), _layers(teacher)
    _check(students, teachers)
    edges, moves = [], []
    for pair in zip(students, teachers, strict=True):
        with full_precision(*pair) as (own, wanted):
            edges.append(_squared_error(_edges(own), _edges(wanted)))
    for pairs in pairwise(zip(students, teachers, strict=True)):
        (own, wanted), (own_next, wanted_next) = pairs
        dimensions = {one.ndim for one in (own, own_next, wanted, wanted_next)}
        if transformation_weight and dimensions == {4}:
            both = _moves(own, own_next), _moves(wanted.detach(), wanted_next.detach())
            moves.append(_squared_error(*both))
    value = edge_weight * torch.stack(edges).mean()
    return value + transformation_weight * torch.stack(moves).mean() if moves else value


def _layers(value: Tensor | Sequence[Tensor]) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else list(value)


def _check(students: list[Tensor], teachers: list[Tensor]) -> None:
    if not students or len(students) != len(teachers):
        raise ValueError(
            'student and teacher must have the same number of levels, at least one, '
            f'got {len(students)} and {len(teachers)}; name as many layers of both'
        )
    for pair in zip(students, teachers, strict=True):
        check_embeddings(*pair, or_maps=True)


def _edges(rows: Tensor) -> Tensor:
    """Squared distances of all pairs of rows (B, B), divided by the largest."""
    rows_BD = rows.flatten(1)
    return _by_largest(squared_distances(rows_BD), rows_BD)


def _moves(earlier: Tensor, later: Tensor) -> Tensor:
    """The squared distance of each sample in two layers (B,), by the largest."""
    dtype = torch.promote_types(earlier.dtype, torch.float32)
    with torch.autocast(earlier.device.type, enabled=False):
        earlier, later = of_smaller_size(earlier.to(dtype), later.to(dtype))
        width = min(earlier.shape[1], later.shape[1])
        earlier, later = _of_width(earlier, width), _of_width(later, width)
        squares_B = (earlier - later).flatten(1).square().sum(dim=1)
        return _by_largest(squares_B, earlier.flatten(1))


def _of_width(maps: Tensor, width: int) -> Tensor:
    """Maps whose neighbouring channels are averaged."""
    channels = maps.shape[1]
    if channels % width:
        raise ValueError(
            'the channels of a layer must be a multiple of those of the layer beside '
            f'it, got {channels} and {width}; name other layers, or set '
            'transformation_weight=0 and give each layer a term of its own'
        )
    return maps if channels == width else maps.unflatten(1, (width, -1)).mean(dim=2)


def _by_largest(squares: Tensor, rows_BD: Tensor) -> Tensor:
    """Squares divided by the largest; zeros where all are rounding errors."""
    if squares.numel() == 0:
        return squares
    largest = squares.amax()
    is_real = largest > rounding_of(rows_BD)
    return torch.where(is_real, squares, 0.0) / torch.where(is_real, largest, 1.0)


def _squared_error(student: Tensor, teacher: Tensor) -> Tensor:
    return (student - teacher).square().sum() / max(student.numel(), 1)
