"""FreeKD: the teacher's high frequencies, by a Haar wavelet transform."""

from __future__ import annotations

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision

__all__ = ['freekd_loss']


def freekd_loss(student: Tensor, teacher: Tensor, *, num_scales: int = 3) -> Tensor:
    r"""Mean absolute distance of the high-frequency bands of each scale.

    .. math::
        L = \sum_{j=1}^{J} \frac{1}{3 N C h_j w_j} \sum_{b=1}^{3}
            \| W_{jb}(s) - W_{jb}(t) \|_1

    with the three bands of details W_jb of an orthonormal Haar transform at scale j,
    each of a size (h_j, w_j), half that of the scale before. The low band is not
    compared. A side of odd length gets a row or a column of zeros, as in the authors'
    transform.

    "FreeKD: Knowledge Distillation via Semantic Frequency Prompt", arXiv:2311.12079,
    without its masks. The authors' code (Gumpest/FreeKD, caec644, MIT) multiplies
    both models' bands by masks between 0 and 1 of tokens that the teacher was trained
    with before; tokens that are zero make masks of 1/2 and half of this loss. Its names
    say horizontal, vertical and diagonal where it has the three scales.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.
        num_scales: Number J of scales, >= 1.

    Returns:
        The sum over scales of the mean over entries, in units of the maps, >= 0, of
        shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import freekd_loss
        >>> teacher = torch.tensor([[[[0.0, 6.0], [0.0, 6.0]]]])
        >>> freekd_loss(torch.zeros(1, 1, 2, 2), teacher, num_scales=1)
        tensor(2.)
    """
    check_maps(student, teacher)
    with full_precision(student, teacher) as (student_NCHW, teacher_NCHW):
        gap = student_NCHW - teacher_NCHW  # the transform is linear
        means = [
            (a.abs().sum() + b.abs().sum() + c.abs().sum()) / max(3 * a.numel(), 1)
            for a, b, c in _details(gap, num_scales)
        ]
        return sum(means[1:], means[0])


def _details(maps: Tensor, num_scales: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The three bands of details of each scale, fine to coarse."""
    for _ in range(num_scales):
        height, width = maps.shape[2:]
        maps = F.pad(maps, (0, width % 2, 0, height % 2))
        top, bottom = maps[:, :, ::2], maps[:, :, 1::2]
        sums, differences = (top + bottom) / 2, (top - bottom) / 2
        yield (
            sums[..., ::2] - sums[..., 1::2],
            differences[..., ::2] + differences[..., 1::2],
            differences[..., ::2] - differences[..., 1::2],
        )
        maps = sums[..., ::2] + sums[..., 1::2]
