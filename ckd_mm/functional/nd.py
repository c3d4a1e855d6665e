"""ND: long embeddings in the direction of the teacher's class mean.

Shape suffixes beside the package's: D channels of an embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.functional._inputs import full_precision
from ckd_mm.functional._labels import label_weights
from ckd_mm.functional._rows import Reduction, reduced
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['nd_loss']

SMALLEST = 1e-12
"""A length from which a row has a direction."""


def nd_loss(
    student: Tensor,
    teacher: Tensor,
    class_means: Tensor,
    target: Tensor,
    *,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""One minus each row's component along its class mean, divided by the longer norm.

    .. math::
        L = \frac{1}{B} \sum_i \left[ 1 - \frac{\langle s_i, e_{y_i} \rangle}
            {\max(\lVert s_i \rVert, \lVert t_i \rVert)} \right], \qquad
        e_c = \frac{m_c}{\lVert m_c \rVert}

    with m_c the mean of the teacher's embeddings of class c. A student row that is
    shorter than the teacher's is lengthened along its class mean; a longer one is only
    turned towards it.

    "Improving Knowledge Distillation via Regularizing Feature Norm and Direction"
    (KD++), arXiv:2305.17007. It equals the authors' code; soft labels are our addition.

    Args:
        student: Embeddings (B, D), any real values; gets the gradient.
        teacher: Embeddings (B, D), any real values; detached here.
        class_means: One mean per class (C, D), of any length. A class without a mean
            has zeros; its rows add 1 to the sum and nothing to the gradient. So do rows
            that are zero in both models.
        target: Class indices (B,), integers in [0, C). Or soft labels (B, C), floating
            point, as mixup and cutmix make them; e is then the weighted mean over the
            classes.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, without a unit, from 0 to 2, of shape (). An empty batch
        gives 0 with a graph.

    Raises:
        ValueError: The embeddings are not of one shape (B, D), or `target` is neither
            of the two forms.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import nd_loss
        >>> means, target = torch.tensor([[0.0, 5.0], [3.0, 0.0]]), torch.tensor([1])
        >>> short, long = torch.tensor([[2.0, 0.0]]), torch.tensor([[4.0, 0.0]])
        >>> nd_loss(short, long, means, target)
        tensor(0.5000)
        >>> nd_loss(long, short, means, target)
        tensor(0.)
    """
    _check_shapes(student, teacher)
    weight_BC = label_weights(target, len(student), len(class_means))
    with full_precision(student, teacher) as (student_BD, teacher_BD):
        directions_CD = unit_vectors(class_means.to(student_BD.dtype))
        weight_BC = weight_BC.to(student_BD.dtype)
        along_B = (student_BD @ directions_CD.T * weight_BC).sum(dim=1)
        longer_B = torch.maximum(student_BD.norm(dim=1), teacher_BD.norm(dim=1))
        along_B = torch.where(longer_B > SMALLEST, along_B, 0.0)
        return reduced(1 - along_B / longer_B.clamp_min(SMALLEST), reduction)


def _check_shapes(student: Tensor, teacher: Tensor) -> None:
    if student.ndim != 2 or student.shape != teacher.shape:
        raise ValueError(
            'student and teacher embeddings must have one shape (B, D), got '
            f'{tuple(student.shape)} and {tuple(teacher.shape)}; '
            "if only the widths differ, set NDLoss's student_channels"
        )
