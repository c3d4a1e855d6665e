"""WKD-L: move the student's probabilities to the teacher's, between related classes.

Shape suffixes beside the package's: D width of a classifier's weights.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._labels import check_two_classes, class_indices
from ckd_mm.functional._rows import Reduction, reduced
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['class_distances', 'wkdl_loss']

_STEEPEST = 30.0
"""The largest cost over epsilon that counts: products of e^-30 stay in float32."""


def wkdl_loss(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    distances: Tensor,
    *,
    gamma: float = 30.0,
    temperature: float = 2.0,
    sharpness: float | None = 1.0,
    epsilon: float = 0.05,
    num_iterations: int = 10,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Cross-entropy of the target, and a Wasserstein distance of the other classes.

    .. math::
        L = \frac{1}{B} \sum_i \left[ -p_{t,i}(y) \ln p_{s,i}(y)
            + \gamma \sum_{ab} P_{i,ab} c_{ab} \right], \qquad
        c = 1 - e^{-\kappa d}

    with p the softmax without a temperature, and P_i the transport plan between q_s and
    q_t, the softmax of z / T over the classes other than the target y. It is
    u_a exp(-c_ab / epsilon) v_b after `num_iterations` of Sinkhorn's iterations,

    .. math::
        v = q_t / (K^\top u), \qquad u = q_s / (K v), \qquad K = e^{-c / \epsilon}

    from a uniform u. So the plan's rows sum to the student's probabilities, and its
    columns to the teacher's as far as the iterations have converged. The gradient runs
    through them.

    "Wasserstein Distance Rivals Kullback-Leibler Divergence for Knowledge
    Distillation", arXiv:2412.08139, and the authors' code (JiamingLv/WKD, which has no
    licence and was only read). They cut the target's row and column out of the costs of
    each image, (B, C - 1, C - 1). Here one matrix K serves all rows, and the target has
    no mass in both models, which is the same plan. They add 1e-8 to costs and
    denominators. Here no entry of K is below e^-30, and nothing else is added.

    Args:
        student: Logits (B, C), any real values, C >= 2; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        target: Class indices (B,), integers in [0, C). Soft labels (B, C), floating
            point, as mixup and cutmix make them, count by their largest class, as in
            the authors' code.
        distances: How far each class is from each other one (C, C), 0 for the same
            class; negative values count as 0. The paper has 1 minus the centred kernel
            alignment of the teacher's features. See :func:`class_distances`.
        gamma: Weight of the Wasserstein distance; a finite number >= 0.
        temperature: Divides both logits in q; a finite number > 0.
        sharpness: The number kappa > 0; `None` takes the distances as costs.
        epsilon: Entropy regularisation; a finite number > 0. A larger one spreads each
            class over more classes.
        num_iterations: Sinkhorn's iterations; an integer >= 1.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, nats plus gamma times units of the costs, >= 0, of shape ().
        The plan is spread, so a perfect copy does not give exactly its least value. An
        empty batch gives 0 with a graph.

    Raises:
        ValueError: The logits are not of one shape (B, C) with C >= 2, `target` is
            neither of the two forms, or `distances` is not (C, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import wkdl_loss
        >>> distances = torch.tensor([[0, 9, 9], [9, 0, 0.1], [9, 0.1, 0]])
        >>> teacher, target = torch.tensor([[0.0, 9.0, 0.0]]), torch.tensor([0])
        >>> student = torch.tensor([[0.0, 0.0, 9.0]])  # another class, but near it
        >>> options = dict(gamma=1.0, temperature=1.0, epsilon=0.01)
        >>> wkdl_loss(student, teacher, target, distances, **options)
        tensor(0.0962)
        >>> wkdl_loss(student, teacher, target, 90 * distances, **options)
        tensor(1.0007)
    """
    check_logits(student, teacher)
    check_two_classes(student, 'WKD-L')
    _check_distances(distances, student)
    target_B1 = class_indices(target, student)[:, None]
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        own_B1 = F.log_softmax(student_BC, dim=1).gather(1, target_B1)
        wanted_B1 = teacher_BC.softmax(dim=1).gather(1, target_B1)
        costs_CC = distances.detach().to(student_BC.dtype).clamp_min(0)
        if sharpness is not None:
            costs_CC = -torch.expm1(-sharpness * costs_CC)
        distance_B = _transport(
            _without(student_BC / temperature, target_B1),
            _without(teacher_BC / temperature, target_B1),
            # A factor of u goes into v, so 1 is as good as any other number.
            torch.ones_like(student_BC).scatter(1, target_B1, 0.0),
            costs_CC,
            epsilon,
            num_iterations,
        )
        rows_B = gamma * distance_B - (wanted_B1 * own_B1).squeeze(1)
        return reduced(rows_B, reduction)


def class_distances(classifier: Tensor) -> Tensor:
    """How far classes are apart: 1 minus the cosine of their weights.

    It is what the authors' code has beside the alignment of features.

    Args:
        classifier: Weights (C, D) of a linear layer, a row for each class.

    Returns:
        (C, C), from 0 to 2, without a gradient, in float32 or wider.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import class_distances
        >>> class_distances(torch.tensor([[1.0, 0.0], [0.0, 3.0]]))
        tensor([[0., 1.],
                [1., 0.]])
    """
    with full_precision(classifier, classifier) as (_, rows_CD):
        unit_CD = unit_vectors(rows_CD)
        return 1 - unit_CD @ unit_CD.mT


def _check_distances(distances: Tensor, student: Tensor) -> None:
    classes = student.shape[1]
    if distances.shape != (classes, classes):
        raise ValueError(
            'WKD-L needs distances of all pairs of the classes that are compared, '
            f'{(classes, classes)} for logits {tuple(student.shape)}, got '
            f'{tuple(distances.shape)}; give one row and one column for each column of '
            'the logits, background included where they have it'
        )


def _without(scaled_BC: Tensor, target_B1: Tensor) -> Tensor:
    """The softmax over the classes other than the target, which gets 0."""
    return scaled_BC.scatter(1, target_B1, -torch.inf).softmax(dim=1)


def _transport(
    student_BC: Tensor,
    teacher_BC: Tensor,
    u_BC: Tensor,
    costs_CC: Tensor,
    epsilon: float,
    num_iterations: int,
) -> Tensor:
    """What it costs to move each row of the student's to the teacher's, (B,)."""
    kernel_CC = (-costs_CC / epsilon).clamp_min(-_STEEPEST).exp()
    for _ in range(num_iterations):
        v_BC = teacher_BC / (u_BC @ kernel_CC)
        u_BC = student_BC / (v_BC @ kernel_CC.mT)
    return (u_BC * (v_BC @ (kernel_CC * costs_CC).mT)).sum(dim=1)
