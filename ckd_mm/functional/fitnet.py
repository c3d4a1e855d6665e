"""FitNets: imitate the teacher's features as they are."""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._rows import Reduction
from ckd_mm.functional._sizes import of_smaller_size
from ckd_mm.functional._squares import squares

__all__ = ['fitnet_loss']


def fitnet_loss(
    student: Tensor, teacher: Tensor, *, reduction: Reduction = 'mean'
) -> Tensor:
    r"""Mean squared error of the feature maps of one level.

    .. math::
        L = \frac{1}{N C H W} \sum (s - t)^2

    The loss of "FitNets: Hints for Thin Deep Nets", arXiv:1412.6550, as in mdistiller;
    the paper has half the sum. The regressor that brings the student's maps to the
    teacher's width is in :class:`ckd_mm.losses.FitNetLoss`. If the maps differ in size,
    the larger one is average-pooled to the smaller size, per axis; mdistiller's
    regressor has strides instead.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H', W'), any real values; detached here.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over all entries, in squared units of the maps, >= 0, of shape (). An
        empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of the same images and width.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import fitnet_loss
        >>> zeros = torch.zeros(1, 1, 2, 2)
        >>> fitnet_loss(zeros, zeros + 3)
        tensor(9.)
        >>> fitnet_loss(zeros, torch.tensor([[[[3.0]]]]))
        tensor(9.)
    """
    check_maps(student, teacher, any_size=True)
    if student.shape[2:] != teacher.shape[2:]:
        with full_precision(student, teacher) as pair:
            student, teacher = of_smaller_size(*pair)
    squares_NC = squares(student, teacher)
    if reduction == 'none':
        return squares_NC.sum(dim=1) / student.shape[1:].numel()
    return squares_NC.sum() / max(student.numel(), 1)
