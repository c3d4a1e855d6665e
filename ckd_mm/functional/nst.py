"""NST: the distribution of the channels' activation patterns.

Shape suffixes beside the package's: P the H W positions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._upcast import upcast, wide_dtype

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
    teacher = teacher.detach()
    if len(student) == 0:
        return student.sum().to(wide_dtype(student, teacher)) * 0.0
    with upcast([(student, teacher), (teacher, student)]) as both:
        student_NCP, teacher_NCP = (maps.flatten(2) for maps in both)
        products = {
            'student': student_NCP @ student_NCP.mT,
            'teacher': teacher_NCP @ teacher_NCP.mT,
        }
        student_NC, teacher_NC = map(_inverse_lengths, products.values())
        within = _kernel(products['teacher'], teacher_NC, teacher_NC)
        within = within + _kernel(products['student'], student_NC, student_NC)
        across_NCC = student_NCP @ teacher_NCP.mT
        return within - 2 * _kernel(across_NCC, student_NC, teacher_NC)


def _kernel(products_NCC: Tensor, first_NC: Tensor, second_NC: Tensor) -> Tensor:
    """The mean squared cosine: products of the maps need no copies of unit length."""
    cosines_NCC = products_NCC * first_NC[:, :, None] * second_NC[:, None]
    return cosines_NCC.square().mean()


def _inverse_lengths(products_NCC: Tensor) -> Tensor:
    """The inverse length of each map; 0 for a dead channel, without a gradient."""
    squares_NC = products_NCC.diagonal(dim1=1, dim2=2)
    is_alive_NC = squares_NC > 1e-24
    return torch.where(is_alive_NC, squares_NC, 1.0).rsqrt() * is_alive_NC
