"""MLKD: agreement of samples, of pairs of samples and of pairs of classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._standardize import standardized_logits
from ckd_mm.functional.kd import kd_loss

__all__ = ['mlkd_batch_loss', 'mlkd_class_loss', 'mlkd_loss']


def mlkd_batch_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 4.0,
    standardize: bool = False,
) -> Tensor:
    r"""Squared distance of the Gram matrices of the rows.

    .. math::
        L = \frac{1}{B} \lVert P_s P_s^\top - P_t P_t^\top \rVert_F^2, \qquad
        P = \mathrm{softmax}(z / T)

    The batch part of "Multi-Level Logit Distillation", CVPR 2023; it equals the
    authors' `bc_loss`, without their mask (see :func:`mlkd_loss`).

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        temperature: Divides both logits; a finite number > 0.
        standardize: Standardise both logits first, see :func:`kd_loss`.

    Returns:
        The sum over pairs of rows divided by B, without a unit, from 0 to B, of shape
        (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import mlkd_batch_loss
        >>> mlkd_batch_loss(torch.zeros(2, 2), 100 * torch.eye(2))  # 1/2 against I
        tensor(0.5000)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as pair:
        if len(student) == 0:
            return pair[0].sum() * 0.0
        student_BC, teacher_BC = _probabilities(*pair, temperature, standardize)
        distance_BB = student_BC @ student_BC.T - teacher_BC @ teacher_BC.T
        return distance_BB.square().sum() / len(student_BC)


def mlkd_class_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 4.0,
    standardize: bool = False,
) -> Tensor:
    r"""Squared distance of the Gram matrices of the classes.

    .. math::
        L = \frac{1}{C} \lVert P_s^\top P_s - P_t^\top P_t \rVert_F^2, \qquad
        P = \mathrm{softmax}(z / T)

    The class part of "Multi-Level Logit Distillation", CVPR 2023; it equals the
    authors' `cc_loss`, without their mask (see :func:`mlkd_loss`). The matrices are
    sums over rows: the loss grows with the square of B.

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        temperature: Divides both logits; a finite number > 0.
        standardize: Standardise both logits first, see :func:`kd_loss`.

    Returns:
        The sum over pairs of classes divided by C, without a unit, >= 0, of shape ().
        An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import mlkd_class_loss
        >>> mlkd_class_loss(torch.zeros(2, 2), 100 * torch.eye(2))  # 1/2 against I
        tensor(0.5000)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as pair:
        if len(student) == 0:
            return pair[0].sum() * 0.0
        student_BC, teacher_BC = _probabilities(*pair, temperature, standardize)
        distance_CC = student_BC.T @ student_BC - teacher_BC.T @ teacher_BC
        return distance_CC.square().sum() / distance_CC.shape[0]


def mlkd_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    temperatures: Sequence[float] = (2.0, 3.0, 4.0, 5.0, 6.0),
    standardize: bool = False,
) -> Tensor:
    r"""KD, the batch part and the class part, summed over several temperatures.

    .. math::
        L = \sum_T \left[ L_\mathrm{KD}(T) + L_\mathrm{batch}(T)
            + L_\mathrm{class}(T) \right]

    "Multi-Level Logit Distillation", CVPR 2023 (it has no arXiv number). The authors
    use a weakly and a strongly augmented view. In the weak view they leave out the half
    of the samples and of the classes of which the teacher is surer. Here there is one
    view, that of the data pipeline, and nothing is left out.

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        temperatures: Each divides both logits in turn; one or more finite numbers > 0.
        standardize: Standardise both logits first, see :func:`kd_loss`.

    Returns:
        The sum of the parts, >= 0, of shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import mlkd_loss
        >>> mlkd_loss(torch.zeros(2, 2), 2 * torch.eye(2), temperatures=[1.0])
        tensor(0.6642)
    """
    # Upcast once, so that the gradients of all parts are summed in full precision.
    with full_precision(student, teacher) as pair:
        parts = [
            part(*pair, temperature=temperature, standardize=standardize)
            for temperature in temperatures
            for part in (kd_loss, mlkd_batch_loss, mlkd_class_loss)
        ]
        return torch.stack(parts).sum()


def _probabilities(
    student_BC: Tensor, teacher_BC: Tensor, temperature: float, standardize: bool
) -> tuple[Tensor, Tensor]:
    if standardize:
        student_BC, teacher_BC = standardized_logits(student_BC, teacher_BC)
    return (
        (student_BC / temperature).softmax(dim=1),
        (teacher_BC / temperature).softmax(dim=1),
    )
