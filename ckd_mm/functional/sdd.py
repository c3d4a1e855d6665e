"""SDD: KD of the image and of its regions, more where these disagree.

Shape suffixes beside the package's: R regions of an image.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._labels import class_indices
from ckd_mm.functional._rows import Reduction, reduced
from ckd_mm.functional._sizes import pooled_to

__all__ = ['sdd_loss']


def sdd_loss(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    sizes: Sequence[int] = (1, 2, 4),
    temperature: float = 4.0,
    complementary_weight: float = 2.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Divergence of the class distributions of all regions of several scales.

    .. math::
        L = \frac{T^2}{N R} \sum_{n,r} w_{nr}\, \mathrm{KL}(p^t_{nr} \,\|\, p^s_{nr}),
        \qquad p = \mathrm{softmax}(z / T)

    with z the mean of the class activation maps over a region, one of m x m for each
    scale m of `sizes`. A region is complementary, and has `complementary_weight`, where
    the teacher is right about it and wrong about the image, or the other way round.
    Other regions are consistent, and have the weight 1.

    "Scale Decoupled Distillation", arXiv:2403.13512, its form with KD, SD-KD. It equals
    the authors' code for maps that the scales divide. Theirs pools to 4 x 4 first, and
    pools that to all other scales, so that other maps have regions of other means.

    Args:
        student: Class activation maps with bias (N, C, H, W), any real values; gets the
            gradient.
        teacher: The same (N, C, H', W') of the same classes; detached here.
        target: Class indices (N,), integers in [0, C). Soft labels (N, C), floating
            point, as mixup and cutmix make them, count by their largest class; the
            paper has no soft labels.
        sizes: The scales, integers >= 1; 1 is the image.
        temperature: Divides all logits; a finite number > 0.
        complementary_weight: A finite number >= 0.
        reduction: `'mean'`, or `'none'` for the values of the images, whose mean is the
            loss.

    Returns:
        The mean over images and regions, in nats times T^2 and the weight, >= 0, of
        shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not maps of the same images and classes, or `target`
            is neither of the two forms.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import sdd_loss
        >>> student, target = torch.zeros(1, 2, 2, 2), torch.tensor([1])
        >>> teacher = torch.tensor([[[[2.0, 2.0], [2.0, -4.0]], [[0.0] * 2] * 2]])
        >>> for weight in (1.0, 2.0):  # right in the corner, and wrong elsewhere
        ...     sdd_loss(student, teacher, target, complementary_weight=weight)
        tensor(0.7704)
        tensor(1.1931)
    """
    check_maps(student, teacher, any_size=True)
    target_N = class_indices(target, student[:, :, 0, 0])
    with full_precision(student, teacher) as pair:
        if len(student) == 0:
            return reduced(pair[0].flatten(1).sum(1), reduction)
        student_NCR, teacher_NCR = (_regions(maps, sizes) for maps in pair)
        divergence_NCR = F.kl_div(
            F.log_softmax(student_NCR / temperature, dim=1),
            F.log_softmax(teacher_NCR / temperature, dim=1),
            reduction='none',
            log_target=True,
        )
        is_right_NR = teacher_NCR.argmax(dim=1) == target_N[:, None]
        of_image_N = pair[1].mean(dim=(2, 3)).argmax(dim=1) == target_N
        is_consistent_NR = is_right_NR == of_image_N[:, None]
        weight_NR = torch.where(is_consistent_NR, 1.0, complementary_weight)
        values_N = (weight_NR * divergence_NCR.sum(dim=1)).mean(dim=1)
        return reduced(values_N, reduction) * temperature**2


def _regions(maps: Tensor, sizes: Sequence[int]) -> Tensor:
    """The logits (N, C, R) of the regions of all scales."""
    return torch.cat([pooled_to(maps, (size, size)).flatten(2) for size in sizes], 2)
