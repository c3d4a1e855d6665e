"""TaT: the student's positions, mixed by how they resemble the teacher's.

Shape suffixes beside the package's: P the H W positions.
"""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._positions import check_positions

__all__ = ['tat_loss']


def tat_loss(query: Tensor, value: Tensor, teacher: Tensor) -> Tensor:
    r"""Mean squared error of the teacher's map and attended values of the student.

    .. math::
        L = \frac{1}{N C P} \lVert A V - K \rVert^2, \qquad
        A = \mathrm{softmax}(Q K^\top)

    with Q and V of the student, K the teacher's map, all as positions times channels,
    and the softmax over the teacher's positions.

    "Knowledge Distillation via the Target-aware Transformer", arXiv:2205.10793. It
    equals the loss of the authors' code for classification (sihaoevery/TaT,
    BSD-2-Clause) with one head; the products are not scaled, as there. The form for
    segmentation, with groups of patches and anchor points, is not here. The layers that
    make Q and V are in :class:`ckd_mm.losses.TaTLoss`.

    Args:
        query: The student's queries (N, C, H, W); gets the gradient.
        value: The student's values (N, C, H, W); gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.

    Returns:
        The mean over all entries, in squared units of the maps, >= 0, of shape (). An
        empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not maps of one shape, or have more than 4096
            positions.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import tat_loss
        >>> zeros = torch.zeros(1, 1, 2, 2)  # attends to all positions alike
        >>> tat_loss(zeros, torch.tensor([[[[4.0, 0.0], [0.0, 0.0]]]]), zeros + 3)
        tensor(4.)
    """
    check_maps(query, teacher)
    check_positions('TaTLoss', query)
    with full_precision(query, teacher) as (query_NCHW, teacher_NCHW):
        if len(query) == 0:
            return (query_NCHW.sum() + value.sum()) * 0.0
        query_NCP, key_NCP, value_NCP = (
            maps.flatten(2)
            for maps in (query_NCHW, teacher_NCHW, value.to(query_NCHW.dtype))
        )
        # Not PyTorch's fused attention, whose gradient on CUDA is in no fixed order.
        # Transposed, so that gradients of maps are contiguous: of a single image,
        # BatchNorm's backward pass on the CPU takes others for channels-last ones.
        shares_NPP = (key_NCP.mT @ query_NCP).softmax(dim=1)
        return (value_NCP @ shares_NPP - key_NCP).square().mean()
