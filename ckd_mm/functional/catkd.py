"""CAT-KD: where in the image each class is seen."""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._sizes import pooled_to
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['catkd_loss']


def catkd_loss(
    student: Tensor, teacher: Tensor, *, size: int = 2, normalize: bool = False
) -> Tensor:
    r"""Mean squared error of class activation maps of one small size.

    .. math::
        L = \frac{1}{N C r^2} \sum_{ic} \lVert A^s_{ic} - A^t_{ic} \rVert^2

    with A the maps average-pooled to r x r, with `normalize` divided by their length
    over the positions.

    "Class Attention Transfer Based Knowledge Distillation", arXiv:2304.12777. It is the
    loss of the authors' code (GzyAftermath/CAT-KD, which has no licence) without its
    options of binary maps and of some classes, which the paper has to explore. A map
    that is zero stays zero and gets no gradient there.

    Args:
        student: Class activation maps (N, C, H, W), any real values; gets the gradient.
        teacher: Class activation maps (N, C, H', W') of the same classes, any real
            values; detached here.
        size: The height and width r to which both are pooled.
        normalize: Whether each map is divided by its length.

    Returns:
        The mean over images, classes and positions, in squared units of the maps, >= 0;
        with `normalize` without a unit, from 0 to 4 / r^2. Of shape (). An empty batch
        gives 0 with a graph.

    Raises:
        ValueError: The tensors are not maps of the same images and classes.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import catkd_loss
        >>> student, teacher = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 8, 8)
        >>> catkd_loss(student, 3 * teacher)
        tensor(9.)
        >>> catkd_loss(-teacher, 3 * teacher, normalize=True)  # opposite directions
        tensor(1.)
    """
    check_maps(student, teacher, any_size=True)
    with full_precision(student, teacher) as pair:
        if len(student) == 0:
            return pair[0].sum() * 0.0
        student_NCP, teacher_NCP = (
            pooled_to(one, (size, size)).flatten(2) for one in pair
        )
        if normalize:
            student_NCP, teacher_NCP = map(unit_vectors, (student_NCP, teacher_NCP))
        return (student_NCP - teacher_NCP).square().mean()
