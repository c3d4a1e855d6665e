"""ScaleKD: directions of projected features, all or without their spatial mean."""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._padding import Shapes, Size, mask_inside, sizes_inside
from ckd_mm.functional._vectors import inverse_lengths

__all__ = ['scalekd_loss']


def scalekd_loss(
    student: Tensor,
    teacher: Tensor,
    image_shapes: Shapes | None = None,
    image_size: Size | None = None,
    *,
    remove_mean: bool = False,
) -> Tensor:
    r"""Squared distance of both models' features of length 1, summed over each image.

    .. math::
        L = \frac{1}{N} \sum_{ip} \Bigl\| \frac{s_{ip}}{\| s_{ip} \|} -
            \frac{t_{ip}}{\| t_{ip} \|} \Bigr\|^2

    One term of "ScaleKD: Strong Vision Transformers Could Be Excellent Teachers",
    arXiv:2411.06786, behind its projector, which is in
    :class:`ckd_mm.losses.ScaleKDLoss`. With `remove_mean` it is the term in the
    frequency domain: the authors' code takes a discrete cosine transform, sets its
    constant component to 0 and inverts it, which subtracts the mean of each channel.

    A vector shorter than 1e-6 counts as zero and has no gradient. Positions whose
    centre lies in the padding of the batch are left out, which the authors' code does
    not do.

    Args:
        student: Projected maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.
        image_shapes: Height and width of each image before padding, in pixels; `None`
            is no padding.
        image_size: Height and width of the padded batch, in pixels.
        remove_mean: Subtract from each channel of each image its mean over positions.

    Returns:
        The sum over positions, the mean over images, without a unit, from 0 to 4 H W,
        of shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import scalekd_loss
        >>> student = torch.tensor([[[[2.0, 0.0]], [[0.0, 3.0]]]])
        >>> scalekd_loss(student, -student)
        tensor(8.)
        >>> scalekd_loss(student, 1 + student, remove_mean=True)
        tensor(0.)
    """
    check_maps(student, teacher)
    size = (student.shape[2], student.shape[3])
    inside = sizes_inside(size, image_shapes, image_size)
    with full_precision(student, teacher) as both:
        mask_N1HW = None if inside is None else mask_inside(inside, both[0])
        if remove_mean:
            both = _centred(both[0], mask_N1HW), _centred(both[1], mask_N1HW)
        student_NCHW, teacher_NCHW = (
            maps * inverse_lengths(maps, dim=1) for maps in both
        )
        squares_NCHW = (student_NCHW - teacher_NCHW).square()
        if mask_N1HW is not None:
            squares_NCHW = squares_NCHW * mask_N1HW
        return squares_NCHW.sum() / max(len(student), 1)


def _centred(maps: Tensor, mask_N1HW: Tensor | None) -> Tensor:
    """Each channel minus its mean over the positions of the image."""
    if mask_N1HW is None:
        return maps - maps.mean(dim=(2, 3), keepdim=True)
    sums = (maps * mask_N1HW).sum(dim=(2, 3), keepdim=True)
    return maps - sums / mask_N1HW.sum(dim=(2, 3), keepdim=True)
