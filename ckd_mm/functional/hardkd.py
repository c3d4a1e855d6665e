"""Hard KD: cross-entropy with the teacher's largest class, as DeiT and DeiT-LT."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._rows import Reduction, reduced, weighted_mean

__all__ = ['effective_number_weights', 'hardkd_loss']


def hardkd_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    class_weights: Tensor | Sequence[float] | None = None,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Cross-entropy with the class to which the teacher gives the largest logit.

    .. math::
        L = -\frac{\sum_i w_{y_i} \log p_{s,i y_i}}{\sum_i w_{y_i}}, \qquad
        y_i = \arg\max_c t_{ic}, \quad p_s = \mathrm{softmax}(s)

    "Training data-efficient image transformers & distillation through attention"
    (DeiT), arXiv:2012.12877, where all weights are 1; with weights it is "DeiT-LT:
    Distillation Strikes Back for Vision Transformer Training on Long-Tailed Datasets",
    arXiv:2404.02900. It equals the hard distillation of DeiT-LT's `DistillationLoss`
    (MIT, on DeiT's under Apache-2.0).

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here. Of equal largest logits
            one counts.
        class_weights: w, C numbers > 0; `None` is 1 for each class. A tensor is on the
            device of the logits.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The weighted mean over rows, in nats, >= 0, of shape (). No rows give 0 with a
        graph.

    Raises:
        ValueError: The logits are not of one shape (B, C), or there are not C weights.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import hardkd_loss
        >>> teacher = torch.tensor([[1.0, 9.0, 2.0, 3.0]])
        >>> hardkd_loss(torch.zeros(1, 4), teacher)  # log(4)
        tensor(1.3863)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        weights_C = None
        if class_weights is not None:
            weights_C = torch.as_tensor(
                class_weights, dtype=student_BC.dtype, device=student_BC.device
            )
            _check_weights(weights_C, student_BC)
        wanted_B = teacher_BC.argmax(dim=1)
        rows_B = F.cross_entropy(student_BC, wanted_B, reduction='none')
        if weights_C is None:
            return reduced(rows_B, reduction)
        return weighted_mean(rows_B, weights_C[wanted_B], reduction)


def effective_number_weights(counts: Sequence[int], beta: float = 0.9999) -> Tensor:
    r"""Weights of classes by the effective number of their images.

    .. math::
        w_c = \frac{C \, v_c}{\sum_k v_k}, \qquad
        v_c = \frac{1 - \beta}{1 - \beta^{n_c}}

    "Class-Balanced Loss Based on Effective Number of Samples", arXiv:1901.05555; as in
    DeiT-LT's `main.py`.

    Args:
        counts: n, the number of images of each class, >= 1.
        beta: From 0, where all classes count equally, to below 1; near 1 a class counts
            by the inverse of its number of images.

    Returns:
        C weights, float64, with a mean of 1.

    Examples:
        >>> from ckd_mm.functional import effective_number_weights
        >>> effective_number_weights([100, 1], beta=0.99)
        tensor([0.0311, 1.9689], dtype=torch.float64)
    """
    numbers = torch.tensor(counts, dtype=torch.float64)
    values = (1 - beta) / (1 - beta**numbers)
    return values / values.mean()


def _check_weights(weights_C: Tensor, student_BC: Tensor) -> None:
    if weights_C.shape != student_BC.shape[1:]:
        raise ValueError(
            'class_weights must be one number for each class of logits '
            f'{tuple(student_BC.shape)}, got {tuple(weights_C.shape)}; give them in '
            'the order of the classes'
        )
