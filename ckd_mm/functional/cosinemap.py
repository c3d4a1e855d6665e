"""Cosine map: the direction of the teacher's features at each position."""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._padding import Shapes, Size, mean_inside
from ckd_mm.functional._vectors import inverse_lengths

__all__ = ['cosinemap_loss']


def cosinemap_loss(
    student: Tensor,
    teacher: Tensor,
    image_shapes: Shapes | None = None,
    image_size: Size | None = None,
) -> Tensor:
    r"""Mean over positions of one minus the cosine of both models' features.

    .. math::
        L = \frac{1}{N H W} \sum_{ip} (1 - \cos(s_{ip}, t_{ip}))

    The "deep semantic injector" (DSI) of "RT-DETRv4", arXiv:2510.25257, behind its
    projection, which is in :class:`ckd_mm.losses.CosineMapLoss`. A vector shorter than
    1e-6 has no direction: its cosine is 0 and has no gradient. Positions whose centre
    lies in the padding of the batch are left out, which the authors' code does not do.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.
        image_shapes: Height and width of each image before padding, in pixels; `None`
            is no padding.
        image_size: Height and width of the padded batch, in pixels.

    Returns:
        The mean over positions, without a unit, from 0 to 2, of shape (). An empty
        batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import cosinemap_loss
        >>> student = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1)
        >>> cosinemap_loss(student, torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1))
        tensor(0.4000)
    """
    check_maps(student, teacher)
    with full_precision(student, teacher) as (student_NCHW, teacher_NCHW):
        product_N1HW = (student_NCHW * teacher_NCHW).sum(dim=1, keepdim=True)
        cosine_N1HW = (
            product_N1HW
            * inverse_lengths(student_NCHW, dim=1)
            * inverse_lengths(teacher_NCHW, dim=1)
        )
        return mean_inside(1 - cosine_N1HW.squeeze(1), image_shapes, image_size)
