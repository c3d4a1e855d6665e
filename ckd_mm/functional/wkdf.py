"""WKD-F: features as Gaussians, each channel with its mean and deviation.

Shape suffixes beside the package's: g cells of an axis.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._rows import Reduction, reduced
from ckd_mm.functional._sizes import pooled_to

__all__ = ['wkdf_loss']

_EPSILON = 1e-5
"""Added to variances, the authors'."""


def wkdf_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    grid: int = 1,
    mean_weight: float = 4.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Wasserstein distance of Gaussians with independent channels, in cells of a grid.

    .. math::
        L = \frac{1}{N g^2} \sum_{n,k} \left[
            w \lVert \mu^s_{nk} - \mu^t_{nk} \rVert^2
            + \lVert \sigma^s_{nk} - \sigma^t_{nk} \rVert^2 \right]

    with the means and the standard deviations of all channels over the positions of
    cell k of g x g. With w = 1 a summand is the squared 2-Wasserstein distance of two
    Gaussians whose covariance matrices are diagonal.

    "Wasserstein Distance Rivals Kullback-Leibler Divergence for Knowledge
    Distillation", arXiv:2412.08139, and the authors' code (JiamingLv/WKD, which has no
    licence and was only read). Variances are unbiased, plus 1e-5, as there. Cells of
    one position have variance 0, where the authors' code is NaN. Cells are those of
    `adaptive_avg_pool2d`, and overlap where the grid does not divide the map.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H', W') of the same channels; detached here.
        grid: The number g of cells along each axis; an integer >= 1.
        mean_weight: The weight w of the means; a finite number >= 0.
        reduction: `'mean'`, or `'none'` for the values of the images, whose mean is the
            loss.

    Returns:
        The mean over images and cells of a sum over channels, in squared units of the
        maps, >= 0, of shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not maps of the same images and channels.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import wkdf_loss
        >>> maps = torch.tensor([[[[0.0, 2.0], [0.0, 2.0]]]])
        >>> wkdf_loss(maps + 1, maps)  # means that differ by 1
        tensor(4.)
        >>> wkdf_loss(maps, maps.mT)  # the same values elsewhere
        tensor(0.)
        >>> wkdf_loss(maps, maps.mT, grid=2)
        tensor(8.)
    """
    check_maps(student, teacher, any_size=True)
    with full_precision(student, teacher) as pair:
        if len(student) == 0:
            return reduced(pair[0].flatten(1).sum(1), reduction)
        (means, deviations), wanted = (_moments(maps, grid) for maps in pair)
        gaps = mean_weight * (means - wanted[0]).square()
        gaps = gaps + (deviations - wanted[1]).square()
        return reduced(gaps.flatten(1).sum(1), reduction) / grid**2


def _moments(maps: Tensor, grid: int) -> tuple[Tensor, Tensor]:
    """Means and standard deviations (N, C, g, g)."""
    centre = maps.mean(dim=(2, 3), keepdim=True)
    # Squares of centred maps lose no digits where means are far above deviations.
    centred = maps - centre
    means = pooled_to(centred, (grid, grid))
    variances = pooled_to(centred.square(), (grid, grid)) - means.square()
    height, width = (_counts(maps, maps.shape[axis], grid) for axis in (2, 3))
    counts = (height[:, None] * width).to(maps.dtype)
    unbiased = variances.clamp_min(0) * (counts / (counts - 1).clamp_min(1))
    return means + centre, (unbiased + _EPSILON).sqrt()


def _counts(maps: Tensor, length: int, grid: int) -> Tensor:
    """How many positions of an axis each cell has (g,)."""
    cells = torch.arange(grid, device=maps.device) * length
    return -(-(cells + length) // grid) - cells // grid
