"""FGD's focal part: feature maps weighted by objects and the teacher's attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ckd_mm.functional._boxes import check_boxes
from ckd_mm.functional._fgd import focal_sum, foregrounds, inverse_count

__all__ = ['fgd_focal_loss', 'fgd_masks']


def fgd_focal_loss(
    student: Tensor,
    teacher: Tensor,
    boxes: Sequence[Tensor],
    image_size: tuple[int, int],
    *,
    foreground_weight: float = 1e-3,
    background_weight: float = 5e-4,
    attention_weight: float = 1e-3,
    temperature: float = 0.5,
) -> Tensor:
    r"""Squared distance of one level, weighted by ground truth and teacher attention.

    .. math::
        L = \frac{1}{N} \sum_i \left[ \sum_{cp} (\alpha M_{ip} + \beta \bar M_{ip})
            A^S_{t,ip} A^C_{t,ic} (s_{icp} - t_{icp})^2
            + \gamma \left( \lVert A^S_{s,i} - A^S_{t,i} \rVert_1
            + \lVert A^C_{s,i} - A^C_{t,i} \rVert_1 \right) \right]

        A^S_i = H W\, \mathrm{softmax}_p\! \left( \tfrac{1}{C T} \textstyle\sum_c
            |f_{icp}| \right), \qquad A^C_i = C\, \mathrm{softmax}_c\! \left(
            \tfrac{1}{H W T} \textstyle\sum_p |f_{icp}| \right)

    with the masks M and :math:`\bar M` of :func:`fgd_masks`, and the weights alpha,
    beta and gamma of foreground, background and attention.

    "Focal and Global Knowledge Distillation for Detectors", arXiv:2111.11837. It equals
    the authors' code except for the boxes. The authors scale them by the size of each
    image before padding, which shifts them in a padded batch; here they are scaled by
    the size of the batch. The global part has parameters, see
    :class:`ckd_mm.losses.FGDLoss`.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.
        boxes: Ground-truth boxes (G, 4) of each image, x1 y1 x2 y2 in pixels.
        image_size: Height and width of the padded batch in pixels.
        foreground_weight: alpha; a finite number >= 0.
        background_weight: beta; a finite number >= 0.
        attention_weight: gamma; a finite number >= 0.
        temperature: Divides the attention's activations; a finite number > 0.

    Returns:
        The sum over channels and positions, the mean over images, >= 0, of shape (). An
        empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape, or there is not one
            tensor of boxes per image.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import fgd_focal_loss
        >>> zeros, boxes = torch.zeros(1, 1, 2, 2), [torch.empty(0, 4)]
        >>> fgd_focal_loss(zeros, zeros + 3, boxes, (16, 16), background_weight=1.0)
        tensor(9.)
    """
    total = focal_sum(
        [student],
        [teacher],
        boxes,
        image_size,
        foreground_weight=foreground_weight,
        background_weight=background_weight,
        attention_weight=attention_weight,
        temperature=temperature,
    )
    return total / max(len(student), 1)


def fgd_masks(
    maps: Tensor, boxes: Sequence[Tensor], image_size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Foreground and background masks of one level, normalised by area.

    In the foreground mask, a position inside a box has 1 divided by the number of
    positions of that box; if several boxes cover it, the smallest counts. In the
    background mask, a position outside all boxes has 1 divided by the number of such
    positions. Elsewhere both are 0. A box covers the positions from the rounded-down to
    the rounded-up corner, both included, as in the authors' code.

    Args:
        maps: Feature maps (N, C, H, W), of which only size, type and device are used.
        boxes: Ground-truth boxes (G, 4) of each image, x1 y1 x2 y2 in pixels.
        image_size: Height and width of the padded batch in pixels.

    Returns:
        Two masks (N, H, W).

    Raises:
        ValueError: There is not one tensor of boxes per image.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import fgd_masks
        >>> box = torch.tensor([[1.0, 0.0, 15.0, 8.0]])
        >>> foreground, background = fgd_masks(torch.zeros(1, 8, 3, 4), [box], (24, 32))
        >>> foreground
        tensor([[[0.1667, 0.1667, 0.1667, 0.0000],
                 [0.1667, 0.1667, 0.1667, 0.0000],
                 [0.0000, 0.0000, 0.0000, 0.0000]]])
        >>> background[0, 2]
        tensor([0.1667, 0.1667, 0.1667, 0.1667])
    """
    check_boxes(boxes, len(maps))
    size = (maps.shape[2], maps.shape[3])
    dtype = torch.promote_types(maps.dtype, torch.float32)
    (foreground_NHW,) = foregrounds([size], boxes, image_size, maps.device, dtype)
    is_outside_NP = foreground_NHW.flatten(1) == 0
    background_NP = is_outside_NP * inverse_count(is_outside_NP, dtype)
    return foreground_NHW, background_NP.reshape(foreground_NHW.shape)
