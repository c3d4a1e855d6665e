"""NST: the distribution of the channels' activation patterns.

Shape suffixes beside the package's: P the H W positions.
"""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['nst_loss']


def nst_loss(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Maximum mean discrepancy between the channels of one level.

    .. math::
        L = \frac{1}{N} \sum_i \left[ \overline{k}(t_i, t_i) + \overline{k}(s_i, s_i)
            - 2 \overline{k}(s_i, t_i) \right], \qquad
        \overline{k}(a, b) = \frac{1}{C C'} \sum_{cd}
            \cos(a_c, b_d)^2

    with a_c the map of channel c as a vector of positions; the kernel is the paper's
    polynomial one of degree 2.

    "Like What You Like: Knowledge Distill via Neuron Selectivity Transfer",
    arXiv:1707.01219. It equals mdistiller's `nst_loss` of one level, but refuses maps
    of different sizes, which mdistiller pools. A dead channel gets no gradient here.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C', H, W), any real values; detached here. The
            numbers of channels may differ: channels are compared as sets.

    Returns:
        The mean over images, without a unit, from 0 to 2, of shape (). An empty batch
        gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of the same images and size.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import nst_loss
        >>> left, right = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 1.0]]]])
        >>> nst_loss(left, right)
        tensor(2.)
        >>> both = torch.cat([left, right], dim=1)
        >>> nst_loss(both, both.flip(1))
        tensor(0.)
    """
    check_maps(student, teacher, any_channels=True)
    with full_precision(student, teacher) as (student_NCHW, teacher_NCHW):
        if len(student_NCHW) == 0:
            return student_NCHW.sum() * 0.0
        student_NCP = unit_vectors(student_NCHW.flatten(2))
        teacher_NCP = unit_vectors(teacher_NCHW.flatten(2))
        within = _kernel(teacher_NCP, teacher_NCP) + _kernel(student_NCP, student_NCP)
        return within - 2 * _kernel(student_NCP, teacher_NCP)


def _kernel(first_NCP: Tensor, second_NCP: Tensor) -> Tensor:
    return (first_NCP @ second_NCP.mT).square().mean()
