"""GLD: the logits of an image, of its tiles, and how far all of these are apart.

Shape suffixes beside the package's: M rows of logits, of N images and their tiles.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.functional._distances import squared_distances
from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._sizes import pooled_to
from ckd_mm.functional._vectors import unit_vectors
from ckd_mm.functional.kd import kd_loss

__all__ = ['gld_loss']


def gld_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    tiles: int = 2,
    global_weight: float = 0.7,
    local_weight: float = 1.0,
    relation_weight: float = 500.0,
) -> Tensor:
    r"""KD of standardised logits of an image and its tiles, and their relations.

    .. math::
        L = w_g D(z^0) + w_l \sum_l D(z^l)
            + \frac{w_r}{M^2} \lVert R(Z_s) - R(Z_t) \rVert_F^2

    with z^0 the mean of the class activation maps over all positions, z^l that over the
    tile l of d x d, D the divergence of :func:`kd_loss` of standardised logits at
    temperature 1, and R the squared distances of all M = N (1 + d^2) rows of logits,
    each row of the matrix divided by its length.

    "Distilling Global and Local Logits with Densely Connected Relations", ICCV 2021 (no
    arXiv number). The authors' code was not found: the formula is that of descriptions
    of the paper. They do not say which standard deviation divides the logits, here the
    unbiased one, nor in which direction the divergence is, here KD's.

    Args:
        student: Class activation maps with bias (N, C, H, W), any real values; gets the
            gradient.
        teacher: The same (N, C, H', W') of the same classes; detached here.
        tiles: The number of tiles d along each side.
        global_weight: Weight of the logits of the image, a finite number >= 0.
        local_weight: Weight of the logits of each tile, a finite number >= 0.
        relation_weight: Weight of the relations, a finite number >= 0.

    Returns:
        The weighted sum, divergences in nats and a mean over images, >= 0, of shape ().
        An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not maps of the same images and classes.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import gld_loss
        >>> maps = torch.arange(160.0).cos().reshape(2, 5, 4, 4)
        >>> gld_loss(3 * maps + 1, maps, tiles=4).item() < 1e-4  # the same, scaled
        True
    """
    check_maps(student, teacher, any_size=True)
    with full_precision(student, teacher) as pair:
        if len(student) == 0:
            return pair[0].sum() * 0.0
        student_MC, teacher_MC = (_rows(maps, tiles) for maps in pair)
        images = len(student)
        parts = [
            weight * kd_loss(own, wanted, temperature=1.0, standardize=True)
            for weight, own, wanted in (
                (global_weight, student_MC[:images], teacher_MC[:images]),
                # the mean over tiles and images, times the number of tiles
                (local_weight * tiles**2, student_MC[images:], teacher_MC[images:]),
            )
        ]
        gap_MM = _relations(student_MC) - _relations(teacher_MC)
        return torch.stack([*parts, relation_weight * gap_MM.square().mean()]).sum()


def _rows(maps: Tensor, tiles: int) -> Tensor:
    """The logits (M, C) of all images, then those of all tiles."""
    of_tiles = pooled_to(maps, (tiles, tiles)).flatten(2).mT.flatten(0, 1)
    return torch.cat([maps.mean(dim=(2, 3)), of_tiles])


def _relations(rows_MC: Tensor) -> Tensor:
    return unit_vectors(squared_distances(rows_MC))
